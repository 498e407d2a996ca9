using System.Buffers.Binary;
using System.Text;

namespace Pedigree.Weights.Tests.Checkpoints;

/// <summary>Writes safetensors bytes by hand, right or wrong.</summary>
internal static class Safetensors
{
    public static byte[] Bytes(string header, int dataLength, ulong? headerLength = null)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + dataLength];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, headerLength ?? (ulong)json.Length);
        json.CopyTo(bytes, 8);
        for (var i = 0; i < dataLength; i++)
            bytes[8 + json.Length + i] = (byte)(i * 7 + 1);
        return bytes;
    }

    /// <summary>A small valid model: <c>a</c> is 2×3 bf16, <c>b</c> a scalar f32.</summary>
    public const string ValidHeader =
        """{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[],"data_offsets":[12,16]}}""";

    public static void WriteModel(string folder, byte[] model, string config = """{"model_type":"llama"}""")
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), config);
        File.WriteAllBytes(Path.Combine(folder, "model.safetensors"), model);
    }
}
