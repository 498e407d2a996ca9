using System.Text;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Tests;

/// <summary>Small checkpoints from lists of numbers, and their numbers back, one at a time and without vectors.</summary>
internal static class Model
{
    /// <summary>A tensor to write.</summary>
    public sealed record Values(string Name, DType DType, long[] Shape, double[] Elements);

    public static string Write(string folder, params IReadOnlyList<Values> tensors)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"model_type":"llama","torch_dtype":"float32"}""");
        using var data = new MemoryStream();
        var entries = new List<string>();
        foreach (var tensor in tensors)
        {
            var start = data.Length;
            foreach (var value in tensor.Elements)
                data.Write(Bytes(tensor.DType, value));
            entries.Add($$"""
                "{{tensor.Name}}":{"dtype":"{{tensor.DType}}","shape":[{{string.Join(",", tensor.Shape)}}],"data_offsets":[{{start}},{{data.Length}}]}
                """.Trim());
        }
        var header = Encoding.UTF8.GetBytes("{" + string.Join(",", entries) + "}");
        using var file = File.Create(Path.Combine(folder, "model.safetensors"));
        file.Write(BitConverter.GetBytes((ulong)header.Length));
        file.Write(header);
        data.WriteTo(file);
        return folder;
    }

    public static double[] Read(Tensor tensor) => Read(tensor.DType, tensor.Bytes());

    public static double[] Read(DType dType, byte[] bytes) =>
        [.. Enumerable.Range(0, bytes.Length / dType.Size())
            .Select(i => Value(dType, bytes.AsSpan(i * dType.Size(), dType.Size())))];

    /// <summary>The nearest value of a type, ties to even, found by comparing with the neighbours.</summary>
    public static double Round(DType dType, double value) => Value(dType, Bytes(dType, value));

    public static Values Random(string name, DType dType, long[] shape, int seed, double scale = 1, double[]? around = null)
    {
        var random = new Random(seed);
        var count = (int)shape.Aggregate(1L, (product, size) => product * size);
        return new(name, dType, shape, [.. Enumerable.Range(0, count).Select(i =>
            Round(dType, (around?[i] ?? 0)
                + (scale * (random.NextDouble() + random.NextDouble() - random.NextDouble() - random.NextDouble()))))]);
    }

    private static byte[] Bytes(DType dType, double value) => dType switch
    {
        DType.F32 => BitConverter.GetBytes((float)value),
        DType.F16 => BitConverter.GetBytes((Half)value),
        DType.BF16 => BitConverter.GetBytes(NearestBF16(value)),
        _ => BitConverter.GetBytes((long)value),
    };

    private static double Value(DType dType, ReadOnlySpan<byte> bytes) => dType switch
    {
        DType.F32 => BitConverter.ToSingle(bytes),
        DType.F16 => (double)BitConverter.ToHalf(bytes),
        DType.BF16 => OfBF16(BitConverter.ToUInt16(bytes)),
        _ => BitConverter.ToInt64(bytes),
    };

    private static double OfBF16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private static ushort NearestBF16(double value)
    {
        if (!double.IsFinite(value))
            return (ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16);
        var below = (ushort)(BitConverter.SingleToUInt32Bits((float)value) >> 16);
        ushort[] candidates = [(ushort)(below - ((below & 0x7FFF) == 0 ? 0 : 1)), below, (ushort)(below + 1)];
        return candidates.OrderBy(bits => Math.Abs(OfBF16(bits) - value)).ThenBy(bits => bits & 1).First();
    }
}
