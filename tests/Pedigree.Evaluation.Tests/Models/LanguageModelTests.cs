using System.Text.Json.Nodes;
using Pedigree.Evaluation.Models;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Evaluation.Tests.Models;

public class LanguageModelTests
{
    private static readonly JsonArray Golden =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Models", "golden", "golden.json")))!.AsArray();

    public static TheoryData<string> Names => [.. Golden.Select(entry => (string)entry!["name"]!)];

    [Theory, MemberData(nameof(Names))]
    public void Log_likelihoods_equal_those_of_an_independent_implementation(string name)
    {
        var tokens = Case(name)["tokens"]!.AsArray().Select(token => (int)token!).ToArray();
        var expected = Case(name)["logProbabilities"]!.AsArray().Select(value => (double)value!).ToList();
        using var tiny = new TinyModel(Config(name));
        using var model = tiny.Load();
        var scores = model.Score([new ScoreRequest(tokens, tokens.Length - 1)])[0];
        Assert.Equal(expected.Count, scores.LogProbabilities.Count);
        for (var i = 0; i < expected.Count; i++)
            Assert.Equal(expected[i], scores.LogProbabilities[i], 1e-4);
    }

    [Fact]
    public void The_decoder_of_a_multimodal_Gemma_3_scores_as_it_would_alone()
    {
        const string name = "gemma3, local and global angles";
        var decoder = Config(name);
        decoder["model_type"] = "gemma3_text";
        using var tiny = new TinyModel(
            new JsonObject { ["model_type"] = "gemma3", ["text_config"] = decoder, ["vision_config"] = new JsonObject() });
        tiny.Set("vision_tower.vision_model.post_layernorm.weight", 8);
        tiny.Set("multi_modal_projector.mm_input_projection_weight", 8, 8);
        using var model = tiny.Load();
        using var alone = new TinyModel(Config(name));
        using var expected = alone.Load();
        Assert.Equal(
            expected.Score([new(Tokens(13), 9)])[0].LogProbabilities, model.Score([new(Tokens(13), 9)])[0].LogProbabilities);
        using var checkpoint = Checkpoint.Open(tiny.Folder);
        Assert.Equal(64, WeightLayout.EmbeddingRows(checkpoint));
        tiny.Set("language_model.model.layers.0.self_attn.sinks", 8);
        Assert.Equal("language_model.model.layers.0.self_attn.sinks", Assert.Throws<BadInputException>(tiny.Load).Field);
    }

    [Fact]
    public void What_a_multimodal_Gemma_3_leaves_unsaid_is_what_published_ones_are_made_of()
    {
        // The config.json of gemma-3-4b, as far as it concerns the decoder.
        var config = JsonNode.Parse("""
            {"model_type": "gemma3", "text_config": {"hidden_size": 2560, "intermediate_size": 10240, "model_type": "gemma3_text", "num_hidden_layers": 34,
             "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024}}
            """)!.AsObject();
        var read = ConfigReader.Read(config, "config.json");
        Assert.Equal((262208, 2560, 8, 4, 256, 131072, true),
            (read.VocabularySize, read.Width, read.Heads, read.KeyValueHeads, read.HeadWidth, read.ContextLength, read.TiedHead));
        Assert.Equal(5, read.Layers.Count(layer => layer.Window is null));
        config["text_config"]!["num_key_value_heads"] = 3;
        Assert.Equal("text_config.num_key_value_heads",
            Assert.Throws<BadInputException>(() => ConfigReader.Read(config, "config.json")).Field);
        config.Remove("text_config");
        Assert.Equal("text_config", Assert.Throws<BadInputException>(() => ConfigReader.Read(config, "config.json")).Field);
    }

    [Theory, MemberData(nameof(Names))]
    public void Padding_in_a_batch_changes_no_score(string name)
    {
        using var tiny = new TinyModel(Config(name));
        using var model = tiny.Load();
        ScoreRequest[] requests = [new(Tokens(3), 1), new(Tokens(13), 5), new(Tokens(8), 7), new(Tokens(2), 1)];
        var together = model.Score(requests);
        for (var i = 0; i < requests.Length; i++)
        {
            var alone = model.Score([requests[i]])[0];
            Assert.Equal(requests[i].ContinuationLength, together[i].LogProbabilities.Count);
            Assert.Equal(alone.IsGreedy, together[i].IsGreedy);
            for (var token = 0; token < requests[i].ContinuationLength; token++)
                Assert.Equal(1, together[i].LogProbabilities[token] / alone.LogProbabilities[token], 1e-5);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void What_a_group_shares_is_read_once_and_changes_no_score(string name)
    {
        using var tiny = new TinyModel(Config(name));
        using var model = tiny.Load();
        int[] context = Tokens(9);
        IReadOnlyList<ScoreRequest>[] groups =
        [
            [new([.. context, 3, 4], 2), new([.. context, 5], 1), new([.. context, 3, 9, 11, 2], 4)],
            // as in partial evaluation: the contexts differ at their end
            [new([.. context[..4], 8, 1, 2], 1), new([.. context[..4], 9, 1, 2], 1)],
            [new(Tokens(2), 1), new([7, 8, 9], 2)],                                     // which share nothing
            [new(Tokens(40), 3)],
        ];
        var together = model.ScoreGroups(groups);
        var alone = groups.SelectMany(group => group).Select(request => model.Score([request])[0]).ToList();
        Assert.Equal(alone.Count, together.Count);
        foreach (var (one, other) in alone.Zip(together))
        {
            Assert.Equal(one.IsGreedy, other.IsGreedy);
            Assert.Equal(one.LogProbabilities.Count, other.LogProbabilities.Count);
            foreach (var (a, b) in one.LogProbabilities.Zip(other.LogProbabilities))
                Assert.Equal(a, b, 1e-5);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Generating_with_the_cache_writes_what_recomputing_everything_would(string name)
    {
        using var tiny = new TinyModel(Config(name));
        using var model = tiny.Load();
        int[][] prompts = [Tokens(2), Tokens(9), Tokens(5)];
        var generated = model.Generate(prompts, 8, (row, written) => row == 2 && written.Count == 3);
        Assert.Equal([8, 8, 3], generated.Select(row => row.Length));
        for (var row = 0; row < prompts.Length; row++)
        {
            for (var length = 0; length < generated[row].Length; length++)
            {
                int[] before = [.. prompts[row], .. generated[row][..length]];
                var scores = model.Score(
                    [.. Enumerable.Range(0, model.VocabularySize).Select(token => new ScoreRequest([.. before, token], 1))]);
                Assert.Equal(scores.Max(score => score.Sum), scores[generated[row][length]].Sum);
            }
        }
    }

    [Fact]
    public void A_greedy_continuation_is_known_as_such_and_another_is_not()
    {
        using var tiny = new TinyModel(Config("qwen2, biases, tied head"));
        using var model = tiny.Load();
        var prompt = Tokens(6);
        var written = model.Generate([prompt], 4, (_, _) => false)[0];
        int[] other = [.. written[..3], (written[3] + 1) % 64];
        var scores = model.Score([new([.. prompt, .. written], 4), new([.. prompt, .. other], 4), new([.. prompt, .. other], 1)]);
        Assert.Equal([true, false, false], scores.Select(score => score.IsGreedy));
    }

    [Fact]
    public void What_is_too_long_loses_its_first_tokens()
    {
        using var tiny = new TinyModel(Config("llama, yarn scaling"));
        using var model = tiny.Load();
        var tokens = Tokens(40);
        Assert.Equal(model.Score([new(tokens[^33..], 2)])[0].LogProbabilities, model.Score([new(tokens, 2)])[0].LogProbabilities);
        Assert.Equal(model.Generate([tokens[^28..]], 4, (_, _) => false), model.Generate([tokens], 4, (_, _) => false));
    }

    [Theory]
    [InlineData("model_type", "\"gpt2\"", "llama, mistral, qwen2")]
    [InlineData("hidden_act", "\"relu\"", "silu")]
    [InlineData("num_key_value_heads", "3", "divide")]
    [InlineData("hidden_size", "null", "missing")]
    [InlineData("num_hidden_layers", "1.5", "whole number")]
    [InlineData("num_hidden_layers", "1000000000", "at most 10000")]
    [InlineData("head_dim", "1000000000", "at most 65536")]
    [InlineData("rope_theta", "0", "above 0")]
    [InlineData("rope_theta", "-10000", "above 0")]
    [InlineData("rope_scaling.rope_type", "\"longest\"", "llama3")]
    [InlineData("partial_rotary_factor", "0.4", "even number")]
    [InlineData("rope_scaling.factor", "\"8\"", "number")]
    [InlineData("quantization_config", "{}", "quantized")]
    public void What_cannot_be_computed_names_config_json_and_the_field(string field, string value, string hint)
    {
        var config = Config("llama, llama3 scaling");
        var parts = field.Split('.');
        (parts.Length == 1 ? config : config[parts[0]]!.AsObject())[parts[^1]] = JsonNode.Parse(value);
        var error = Assert.Throws<BadInputException>(() => ConfigReader.Read(config, "model/config.json"));
        Assert.Equal("model/config.json", error.File);
        Assert.Equal(field, error.Field);
        Assert.Contains(hint, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_a_misshapen_and_a_foreign_tensor_are_named()
    {
        const string name = "model.layers.1.mlp.up_proj.weight";
        using var tiny = new TinyModel(Config("llama, yarn scaling"));
        tiny.Remove(name);
        Assert.Equal(name, Assert.Throws<BadInputException>(tiny.Load).Field);
        tiny.Set(name, 32, 48);
        Assert.Contains("[48, 32]", Assert.Throws<BadInputException>(tiny.Load).Message, StringComparison.Ordinal);
        tiny.Set(name, 48, 32);
        tiny.Set("model.layers.0.self_attn.q_norm.weight", 8);
        Assert.Equal("model.layers.0.self_attn.q_norm.weight", Assert.Throws<BadInputException>(tiny.Load).Field);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void A_weight_that_is_not_finite_is_refused_with_its_tensor(float value)
    {
        const string name = "model.layers.1.mlp.up_proj.weight";
        using var tiny = new TinyModel(Config("llama, yarn scaling"));
        tiny.Spoil(name, 7, value);
        var error = Assert.Throws<BadInputException>(tiny.Load);
        Assert.Equal(name, error.Field);
        Assert.Contains("finite", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_whose_logits_overflow_writes_nothing()
    {
        using var tiny = new TinyModel(Config("llama, yarn scaling"));
        for (var column = 0; column < 32; column++)
            tiny.Spoil("model.norm.weight", column, 3e38f);
        using var model = tiny.Load();
        var error = Assert.Throws<BadInputException>(() => model.Generate([Tokens(6)], 4, (_, _) => false));
        Assert.Equal(tiny.Folder, error.File);
        Assert.Contains("not finite", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Names))]
    public void A_model_filled_again_scores_as_one_loaded_anew(string name)
    {
        using var tiny = new TinyModel(Config(name));
        using var model = tiny.Load();
        var loaded = Scores(model);
        // Another model of the family: its embeddings are others.
        using var other = new TinyModel(Config(name));
        var embeddings = name.StartsWith("gpt_neox", StringComparison.Ordinal)
            ? "gpt_neox.embed_in.weight"
            : "model.embed_tokens.weight";
        for (var element = 0; element < 64 * 32; element += 3)
            other.Spoil(embeddings, element, 0.25f);
        using var fresh = other.Load();
        using var otherCheckpoint = Checkpoint.Open(other.Folder);
        using var checkpoint = Checkpoint.Open(tiny.Folder);
        Assert.True(model.TryRefill(otherCheckpoint, "cpu"));
        Assert.Equal(Scores(fresh), Scores(model));
        Assert.NotEqual(loaded, Scores(model));
        Assert.True(model.TryRefill(checkpoint, "cpu"));
        Assert.Equal(loaded, Scores(model));
        Assert.False(model.TryRefill(checkpoint, "cpu", DType.BF16));

        static IReadOnlyList<double> Scores(LanguageModel model) => model.Score([new(Tokens(13), 9)])[0].LogProbabilities;
    }

    [Fact]
    public void A_spare_model_serves_the_next_of_its_configuration_alone()
    {
        using var tiny = new TinyModel(Config("llama, yarn scaling"));
        using var another = new TinyModel(Config("llama, dynamic scaling"));
        var model = tiny.Load();
        another.Load().Dispose();
        using var spare = new SpareModel();
        spare.Keep(model);
        using var own = Checkpoint.Open(tiny.Folder);
        using var others = Checkpoint.Open(another.Folder);
        Assert.Same(model, spare.Load(own, "cpu", null));
        spare.Keep(model);
        using var loaded = spare.Load(others, "cpu", null);
        Assert.NotSame(model, loaded);
        Assert.Equal(32, loaded.ContextLength);
    }

    [Fact]
    public void Less_memory_and_longer_rows_mean_fewer_tokens_at_once()
    {
        using var tiny = new TinyModel(Config("gemma2, caps, every other layer a window"));
        using var model = tiny.Load();
        Assert.Equal(1, model.TokensAtOnce(8, memory: 1));
        Assert.True(model.TokensAtOnce(8) >= 4096, "a tiny model fits many times into what is free");
        Assert.Equal(2 * model.TokensAtOnce(8, 1 << 20), model.TokensAtOnce(8, 1 << 21));
        Assert.True(model.TokensAtOnce(8, 1 << 20) > model.TokensAtOnce(4000, 1 << 20));
    }

    private static JsonObject Case(string name) => Golden.Single(entry => (string)entry!["name"]! == name)!.AsObject();

    internal static JsonObject Config(string name) => Case(name)["config"]!.DeepClone().AsObject();

    private static int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(i => (11 * i * i + 5 * i + 2) % 64)];
}
