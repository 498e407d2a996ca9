using System.Text;
using Pedigree.Evaluation.Models;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Benchmarks;

/// <summary>
/// Scoring and writing with a random Llama of 26 million parameters (8 layers of 512, vocabulary 4096): multiple choice with what
/// the choices share read once, against each choice as a sequence of its own, and tokens written one by one.
/// </summary>
internal static class EvaluationSpeed
{
    private const int Width = 512, Inner = 1408, Layers = 8, Vocabulary = 4096;

    public static void Compare(string folder, int runs)
    {
        using var checkpoint = Checkpoint.Open(Write(Path.Combine(folder, "evaluated")));
        using var model = LanguageModel.Load(checkpoint);
        var loads = Enumerable.Range(
            0, runs).Select(_ => Timing.Measure(() => LanguageModel.Load(checkpoint).Dispose())).ToList();
        var refills = Enumerable.Range(0, runs).Select(_ => Timing.Measure(() => { model.TryRefill(checkpoint); })).ToList();
        Console.WriteLine(
            $"a model loaded {Timing.Median(loads)}, into the memory of another of its family {Timing.Median(refills)}");
        var random = new Random(1);
        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(Vocabulary))];
        // Six questions with five examples before each, of 90 tokens a piece, and four choices of 4 to 12 tokens.
        var groups = Enumerable.Range(0, 6).Select(_ =>
        {
            var context = Tokens(540);
            return (IReadOnlyList<ScoreRequest>)[.. Enumerable.Range(0, 4)
                .Select(choice => new ScoreRequest([.. context, .. Tokens(6 + 2 * choice)], 6 + 2 * choice))];
        }).ToList();
        var requests = groups.SelectMany(group => group).ToList();
        var (shared, own) = (new List<Time>(), new List<Time>());
        var worst = model.ScoreGroups(groups).Zip(model.Score(requests), (a, b) => Math.Abs(a.Sum - b.Sum)).Max();
        for (var run = 0; run < runs; run++)
        {
            shared.Add(Timing.Measure(() => model.ScoreGroups(groups)));
            own.Add(Timing.Measure(() => model.Score(requests)));
        }
        var (together, apart) = (Timing.Median(shared), Timing.Median(own));
        Console.WriteLine($"4 choices, 5 examples, 24 sequences: shared {together}, each its own {apart}");
        Console.WriteLine($"times as fast with what is shared read once: {together.Ratio(apart)}; "
            + $"2.5 asked. Log-likelihoods differ by {worst:E1} at most");

        var prompts = Enumerable.Range(0, 4).Select(_ => Tokens(32)).ToList();
        foreach (var length in (int[])[32, 64, 128, 256])
        {
            var times = Enumerable.Range(
                0, runs).Select(_ => Timing.Measure(() => model.Generate(prompts, length, (_, _) => false))).ToList();
            var median = Timing.Median(times);
            Console.WriteLine(FormattableString.Invariant(
                $"4 rows, {length,3} new tokens: {median}, {median.Elapsed / length * 1000:F2} ms a token"));
        }
    }

    private static string Write(string folder)
    {
        (string Name, long[] Shape)[] layer =
        [
            ("self_attn.q_proj", [Width, Width]), ("self_attn.k_proj", [Width, Width]), ("self_attn.v_proj", [Width, Width]),
            ("self_attn.o_proj", [Width, Width]),
            ("mlp.gate_proj", [Inner, Width]), ("mlp.up_proj", [Inner, Width]), ("mlp.down_proj", [Width, Inner]),
            ("input_layernorm", [Width]), ("post_attention_layernorm", [Width]),
        ];
        PlannedTensor[] tensors =
        [
            new("model.embed_tokens.weight", DType.BF16, [Vocabulary, Width]), new("model.norm.weight", DType.BF16, [Width]),
            .. Enumerable.Range(0, Layers).SelectMany(i =>
                layer.Select(tensor => new PlannedTensor($"model.layers.{i}.{tensor.Name}.weight", DType.BF16, tensor.Shape))),
        ];
        using var writer = new CheckpointWriter(folder + ".partial", tensors, long.MaxValue);
        var random = new Random(2);
        foreach (var tensor in tensors)
        {
            var values = new byte[tensor.ByteLength];
            for (var i = 0; i < values.Length; i += 2)
                BitConverter.TryWriteBytes(values.AsSpan(i), (ushort)(BitConverter.SingleToUInt32Bits(
                    tensor.Shape.Count == 1 ? 1 : (float)(random.NextDouble() - 0.5) * 0.1f) >> 16));
            writer.Write(tensor.Name, 0, values);
        }
        writer.AddFile("config.json", Encoding.UTF8.GetBytes($$"""
            {"model_type": "llama", "hidden_size": {{Width}}, "intermediate_size": {{Inner}}, "num_hidden_layers": {{Layers}}, "num_attention_heads": 8,
             "vocab_size": {{Vocabulary}}, "max_position_embeddings": 1024, "tie_word_embeddings": true}
            """));
        writer.Complete(folder);
        return folder;
    }
}
