using System.Text;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Benchmarks;

/// <summary>
/// Random bf16 models of about a given number of parameters, each in two shards: a base, two relatives far enough apart for
/// SLERP's spherical branch (1, 2) and two close enough for its linear one (3, 4). All share a part of their δ.
/// </summary>
internal static class SampleModels
{
    private const int Width = 1024;

    /// <param name="folder">Where.</param>
    /// <param name="parameters">Of each.</param>
    /// <param name="oneTensor">Whether all are in one matrix, instead of in layers.</param>
    /// <param name="last">The last relative that is written; without 3 and 4 there is no base either.</param>
    public static string Write(string folder, long parameters, bool oneTensor = false, int last = 4)
    {
        for (var model = last == 4 ? 0 : 1; model <= last; model++)
            WriteOne(Path.Combine(folder, Name(model)), oneTensor
                ? [new("model.embed_tokens.weight", DType.BF16, [parameters / 4096, 4096])] : Layers(parameters), model);
        return folder;
    }

    public static string Name(int model) => model == 0 ? "base" : $"model{model}";

    private static PlannedTensor[] Layers(long parameters)
    {
        (string Name, long[] Shape)[] layer =
        [
            ("self_attn.q_proj", [Width, Width]), ("self_attn.k_proj", [Width, Width]), ("self_attn.v_proj", [Width, Width]),
            ("self_attn.o_proj", [Width, Width]), ("mlp.gate_proj", [2816, Width]), ("mlp.up_proj", [2816, Width]),
            ("mlp.down_proj", [Width, 2816]), ("input_layernorm", [Width]),
        ];
        var perLayer = layer.Sum(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));
        var vocabulary = Math.Clamp(parameters / 16 / Width, 1, 32_000);
        var layers = (int)Math.Max(1, (parameters - (vocabulary * Width)) / perLayer);
        return
        [
            new("model.embed_tokens.weight", DType.BF16, [vocabulary, Width]),
            .. Enumerable.Range(0, layers).SelectMany(i => layer.Select(tensor =>
                new PlannedTensor($"model.layers.{i}.{tensor.Name}.weight", DType.BF16, tensor.Shape))),
        ];
    }

    private static void WriteOne(string folder, PlannedTensor[] tensors, int model)
    {
        using var writer = new CheckpointWriter(
            folder + ".partial", tensors, tensors.Sum(tensor => tensor.ByteLength) * 52 / 100);
        Parallel.For(0, tensors.Length, i => Fill(writer, tensors[i], (ulong)i, model));
        writer.AddFile("config.json", Encoding.UTF8.GetBytes("""{"model_type":"llama"}"""));
        writer.Complete(folder);
    }

    private static void Fill(CheckpointWriter writer, PlannedTensor tensor, ulong seed, int model)
    {
        var buffer = new ushort[1 << 17];
        var bytes = new byte[buffer.Length * 2];
        var count = tensor.ByteLength / 2;
        var scale = model == 0 ? 0 : model <= 2 ? 0.1f : 0.01f;
        for (var start = 0L; start < count; start += buffer.Length)
        {
            var length = (int)Math.Min(buffer.Length, count - start);
            for (var i = 0; i < length; i++)
            {
                var at = (seed << 40) + (ulong)(start + i);
                var value = Normal(at) + (scale * ((0.5f * Normal(at ^ (7UL << 60))) + Normal(at ^ ((ulong)model << 60))));
                buffer[i] = (ushort)((BitConverter.SingleToUInt32Bits(value * 0.02f) + 0x8000) >> 16);
            }
            Buffer.BlockCopy(buffer, 0, bytes, 0, length * 2);
            writer.Write(tensor.Name, start * 2, bytes.AsSpan(0, length * 2));
        }
    }

    /// <summary>Nearly normal: the sum of four uniform parts of a mixed counter (splitmix64).</summary>
    private static float Normal(ulong counter)
    {
        counter *= 0x9E3779B97F4A7C15;
        counter = (counter ^ (counter >> 30)) * 0xBF58476D1CE4E5B9;
        counter = (counter ^ (counter >> 27)) * 0x94D049BB133111EB;
        counter ^= counter >> 31;
        var sum =
            (int)(counter & 0xFFFF) + (int)((counter >> 16) & 0xFFFF) + (int)((counter >> 32) & 0xFFFF) + (int)(counter >> 48);
        return (sum - (2 * 65535)) / 37837f;
    }
}
