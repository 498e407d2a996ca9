using System.Text.Json.Nodes;
using Pedigree.Evaluation.Models;
using Pedigree.Weights;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Pedigree.Evaluation.Family;

/// <summary>
/// Trains the sample family: a small Llama that does a little of everything with words, and one expert for each skill, trained
/// on from it. Everything follows from the seed; torch computes on one thread, so that sums are always taken in one order.
/// </summary>
public static class FamilyTrainer
{
    internal const int ContextLength = 32;
    private const int ReportEvery = 50;

    /// <summary>Writes base/, one folder an expert, tasks/ and evolve.yaml into a new folder.</summary>
    /// <exception cref="BadInputException">The folder exists already, or an option is out of range.</exception>
    public static void Train(string outputFolder, FamilyOptions options, IProgress<FamilyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        if (options.BaseSteps < 1 || options.ExpertSteps < 1)
            throw new BadInputException("family", options.BaseSteps < 1 ? "base-steps" : "expert-steps", "must be 1 or more");
        if (options.Rehearsal is not (>= 0 and <= 1))
            throw new BadInputException("family", "rehearsal", "is a share, from 0 to 1");
        if (Directory.Exists(outputFolder) || File.Exists(outputFolder))
            throw new BadInputException(outputFolder, null, "exists already; name a new folder for the family");
        var folder = $"{outputFolder.TrimEnd('/', Path.DirectorySeparatorChar)}.{Guid.NewGuid():N}.tmp";
        WritableFolder.Check(outputFolder);
        using var single = new SingleThread();
        try
        {
            var examination = Skill.ExaminationWords(new Draw((ulong)options.Seed), options.Questions);
            var configJson = ConfigJson(options);
            var config = ConfigReader.Read(configJson, "config.json");
            using var scope = NewDisposeScope();

            var weights = Initial(config, new Draw(Stream(options.Seed, 1)));
            var everything = new Lessons(Skill.All, null, 1, [.. examination], new Draw(Stream(options.Seed, 2)));
            Train("base", config, weights, everything, options.BaseSteps, options.BaseLearningRate, options, progress,
                cancellation);
            FamilyFiles.WriteCheckpoint(Path.Combine(folder, "base"), configJson, weights);
            foreach (var (index, skill) in Skill.All.Index())
            {
                using var expertScope = NewDisposeScope();
                var own = weights.ToDictionary(weight => weight.Key, weight => new Parameter(weight.Value.detach().clone()));
                var lessons = new Lessons(
                    Skill.All, skill, options.Rehearsal, [.. examination], new Draw(Stream(options.Seed, 3 + index)));
                Train(skill.Name, config, own, lessons, options.ExpertSteps, options.ExpertLearningRate, options, progress,
                    cancellation);
                FamilyFiles.WriteCheckpoint(Path.Combine(folder, skill.Name), configJson, own);
            }
            FamilyFiles.WriteTasks(Path.Combine(folder, "tasks"), examination);
            FamilyFiles.WriteSpec(folder);
            Directory.Move(folder, outputFolder);
        }
        finally
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
    }

    private static ulong Stream(int seed, int number) => ((ulong)number << 32) + (uint)seed;

    private static JsonObject ConfigJson(FamilyOptions options) => new()
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["model_type"] = "llama",
        ["vocab_size"] = Characters.Count,
        ["hidden_size"] = options.Width,
        ["intermediate_size"] = 3 * options.Width,
        ["num_hidden_layers"] = options.Layers,
        ["num_attention_heads"] = options.Width / 16,
        ["num_key_value_heads"] = options.Width / 16,
        ["head_dim"] = 16,
        ["hidden_act"] = "silu",
        ["max_position_embeddings"] = ContextLength,
        ["rope_theta"] = 10000.0,
        ["rms_norm_eps"] = 1e-5,
        ["attention_bias"] = false,
        ["mlp_bias"] = false,
        ["tie_word_embeddings"] = true,
        ["eos_token_id"] = 0,
        ["torch_dtype"] = "bfloat16",
    };

    /// <summary>
    /// Norms are 1; projections normal with deviation 0.05, those that add to the residual stream less by depth.
    /// </summary>
    private static Dictionary<string, Parameter> Initial(TransformerConfig config, Draw draw)
    {
        var weights = new Dictionary<string, Parameter>();
        foreach (var (name, shape) in Transformer.Shapes(config))
        {
            var count = shape.Aggregate(1L, (product, size) => product * size);
            var deviation = name.EndsWith("o_proj.weight", StringComparison.Ordinal)
                || name.EndsWith("down_proj.weight", StringComparison.Ordinal) ? 0.05 / Math.Sqrt(2 * config.Layers.Count) : 0.05;
            var values = new float[count];
            for (var i = 0L; i < count; i++)
                values[i] = name.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : (float)(deviation * draw.Normal());
            weights[name] = new Parameter(tensor(values, shape));
        }
        return weights;
    }

    /// <summary>
    /// AdamW on the answers' cross-entropy; the rate rises over a twentieth of the steps and falls to nothing in a line.
    /// </summary>
    private static void Train(
        string model, TransformerConfig config, IReadOnlyDictionary<string, Parameter> weights, Lessons lessons,
        int steps, double learningRate, FamilyOptions options, IProgress<FamilyProgress>? progress,
        CancellationToken cancellation)
    {
        var transformer = new Transformer(config, weights.ToDictionary(weight => weight.Key, weight => (Tensor)weight.Value));
        var parameters = weights.OrderBy(weight => weight.Key, StringComparer.Ordinal).Select(weight => weight.Value).ToList();
        using var optimizer = optim.AdamW(parameters, learningRate, beta2: 0.98, weight_decay: 0.01);
        var warmUp = Math.Max(1, steps / 20);
        for (var step = 0; step < steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var group in optimizer.ParamGroups)
                group.LearningRate = learningRate * Math.Min((step + 1.0) / warmUp, (double)(steps - step) / steps);
            var (grid, targets) = lessons.Batch(options.BatchSize);
            var logits = transformer.Logits(transformer.Forward(grid, null).flatten(0, 1)); // [batch·tokens, vocabulary]
            var loss = nn.functional.cross_entropy(logits, targets.flatten(), ignore_index: Lessons.Unasked);
            optimizer.zero_grad();
            loss.backward();
            nn.utils.clip_grad_norm_(parameters, 1.0);
            optimizer.step();
            if ((step + 1) % ReportEvery == 0 || step + 1 == steps)
                progress?.Report(new FamilyProgress(model, step + 1, steps, loss.item<float>()));
        }
    }
}
