using System.Text.Json.Nodes;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Evaluation.Models;

/// <summary>Reads a config.json with the defaults that each family's makers give to absent fields.</summary>
internal static class ConfigReader
{
    /// <summary>What a family's config.json leaves unsaid.</summary>
    private sealed record Family
    {
        public Normalization Normalization { get; init; } = Normalization.RootMeanSquare;
        public string Activation { get; init; } = "silu";
        public int? HeadWidth { get; init; }
        public bool TiedHead { get; init; }
        public bool QueryKeyNorm { get; init; }
        public bool QueryKeyValueBias { get; init; }

        /// <summary>attention_bias where it is absent; null where the family knows no such field.</summary>
        public bool? AttentionBias { get; init; }

        /// <summary>sliding_window where it is absent; null where all tokens are attended to then.</summary>
        public int? Window { get; init; }

        /// <summary>Every so manieth layer attends to all tokens; 0 where none does.</summary>
        public int FullLayers { get; init; }
    }

    private static readonly Dictionary<string, Family> Families = new()
    {
        ["llama"] = new() { AttentionBias = false },
        ["mistral"] = new() { Window = 4096 },
        ["qwen2"] = new() { QueryKeyValueBias = true, Window = 4096 },
        ["qwen3"] = new() { QueryKeyNorm = true, HeadWidth = 128, AttentionBias = false, Window = 4096 },
        ["phi3"] = new(),
        ["gemma2"] = Gemma with { FullLayers = 2 },
        ["gemma3_text"] = Gemma with { FullLayers = 6, QueryKeyNorm = true },
        ["gpt_neox"] = new() { Normalization = Normalization.Layer, Activation = "gelu", AttentionBias = true },
    };

    private static Family Gemma => new()
    {
        Normalization = Normalization.RootMeanSquareOfOnePlus,
        Activation = "gelu_pytorch_tanh",
        HeadWidth = 256,
        TiedHead = true,
        AttentionBias = false,
        Window = 4096,
    };

    /// <summary>What published multimodal Gemma 3 models leave unsaid of their decoder.</summary>
    private static readonly Dictionary<string, int> Gemma3 = new()
    {
        ["vocab_size"] = 262_208,
        ["hidden_size"] = 2304,
        ["intermediate_size"] = 9216,
        ["num_hidden_layers"] = 26,
        ["num_attention_heads"] = 8,
        ["num_key_value_heads"] = 4,
        ["max_position_embeddings"] = 131_072,
    };

    // More than any model has. Arrays are made of so many before the weights show what is true.
    private const int MostLayers = 10_000, WidestHead = 65_536;

    /// <summary>Reads a checkpoint's.</summary>
    /// <exception cref="BadInputException">
    /// The architecture, or a value, is not one that <see cref="Transformer"/> computes.
    /// </exception>
    public static TransformerConfig Read(Checkpoint checkpoint) =>
        Read(checkpoint.Config, Path.Combine(checkpoint.Folder, "config.json"));

    /// <summary>Reads the content of one.</summary>
    /// <param name="config">The content.</param>
    /// <param name="file">What errors call it.</param>
    /// <exception cref="BadInputException">
    /// The architecture, or a value, is not one that <see cref="Transformer"/> computes.
    /// </exception>
    public static TransformerConfig Read(JsonObject config, string file)
    {
        var fields = new ConfigFields(config, file, "");
        return fields.Text("model_type") == "gemma3"
            ? Read(new ConfigFields(Decoder(config, fields), file, "text_config.")) with { WeightPrefix = "language_model." }
            : Read(fields);
    }

    /// <summary>The decoder of a multimodal Gemma 3, as the config of one that is text alone.</summary>
    private static JsonObject Decoder(JsonObject config, ConfigFields fields)
    {
        var decoder = config["text_config"]?.DeepClone() as JsonObject
            ?? throw fields.Bad("text_config", "must be an object that describes the decoder");
        foreach (var (name, absent) in Gemma3.Where(field => !decoder.ContainsKey(field.Key)))
            decoder[name] = absent;
        decoder["model_type"] = "gemma3_text";
        if (config["quantization_config"] is { } quantization)
            decoder["quantization_config"] = quantization.DeepClone();
        return decoder;
    }

    private static TransformerConfig Read(ConfigFields fields)
    {
        var known = string.Join(", ", Families.Keys.Append("gemma3"));
        var type = fields.Text("model_type") ?? throw fields.Bad("model_type", $"is missing; one of {known} would be right");
        if (!Families.TryGetValue(type, out var family))
            throw fields.Bad("model_type", $"is '{type}'; only {known} can be computed");
        if (fields.Inner("quantization_config") is not null)
            throw fields.Bad("quantization_config", "quantized weights cannot be computed; use the bf16, f16 or f32 checkpoint");

        var width = fields.RequiredCount("hidden_size");
        var heads = fields.RequiredCount("num_attention_heads");
        var keyValueHeads = fields.Count("num_key_value_heads") ?? heads;
        if (heads % keyValueHeads != 0)
            throw fields.Bad("num_key_value_heads", $"is {keyValueHeads} and must divide num_attention_heads, {heads}");
        var headWidth = fields.Count("head_dim", WidestHead) ?? family.HeadWidth ?? (width % heads == 0
            ? width / heads
            : throw fields.Bad("num_attention_heads",
                $"is {heads} and must divide hidden_size, {width}, where head_dim is absent"));
        if (headWidth % 2 != 0 || headWidth > WidestHead)
            throw fields.Bad("head_dim", $"is {headWidth} and must be even, at most {WidestHead}");
        var context = fields.RequiredCount("max_position_embeddings");
        var bias = family.AttentionBias is { } absent && (fields.Flag("attention_bias") ?? absent);
        var (gemma, neox) = (type.StartsWith("gemma", StringComparison.Ordinal), type == "gpt_neox");
        var layers = Layers(fields, type, family, RotaryReader.Read(fields, headWidth, context));
        return new TransformerConfig
        {
            Family = type,
            VocabularySize = fields.RequiredCount("vocab_size"),
            Width = width,
            FeedForwardWidth = fields.RequiredCount("intermediate_size"),
            Layers = layers,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadWidth = headWidth,
            ContextLength = layers.Min(layer => layer.Rotary.ExtendedContext) ?? context,
            Normalization = family.Normalization,
            NormEpsilon = fields.Number(neox ? "layer_norm_eps" : "rms_norm_eps") ?? (neox ? 1e-5 : 1e-6),
            NormsAfter = gemma,
            QueryKeyNorm = family.QueryKeyNorm,
            Parallel = neox && (fields.Flag("use_parallel_residual") ?? true),
            Activation = ReadActivation(fields, family.Activation),
            Gated = !neox,
            AttentionScalar = gemma ? fields.Number("query_pre_attn_scalar") ?? 256 : headWidth,
            AttentionCap = Cap("attn_logit_softcapping", 50),
            LogitCap = Cap("final_logit_softcapping", 30),
            EmbeddingScale = gemma ? Math.Sqrt(width) : null,
            TiedHead = fields.Flag("tie_word_embeddings") ?? family.TiedHead,
            QueryKeyValueBias = bias || family.QueryKeyValueBias,
            OutputBias = bias,
            FeedForwardBias = neox || type == "llama" && (fields.Flag("mlp_bias") ?? false),
        };

        // Gemma 3 has none unless it says so; null is Gemma 2's way to say none.
        double? Cap(string name, double absent) =>
            gemma ? fields.Number(name) ?? (type == "gemma2" && !fields.Has(name) ? absent : null) : null;
    }

    private static Activation ReadActivation(ConfigFields fields, string absent)
    {
        // Gemma's field is hidden_activation; what its older files say under hidden_act is not what it does.
        var field = absent == "gelu_pytorch_tanh" ? "hidden_activation" : "hidden_act";
        return (fields.Text(field) ?? absent) switch
        {
            "silu" or "swish" => Activation.Silu,
            "gelu" => Activation.Gelu,
            "gelu_pytorch_tanh" or "gelu_new" or "gelu_fast" => Activation.GeluTanh,
            var other => throw fields.Bad(field, $"is '{other}'; only silu, gelu and gelu_pytorch_tanh can be computed"),
        };
    }

    private static IReadOnlyList<LayerKind> Layers(
        ConfigFields fields, string type, Family family, (RotaryEmbedding Full, RotaryEmbedding Sliding) rotary)
    {
        var count = fields.RequiredCount("num_hidden_layers", MostLayers);
        int? window = type is "llama" or "gpt_neox"
            || type.StartsWith("qwen", StringComparison.Ordinal) && !(fields.Flag("use_sliding_window") ?? false) ? null
            : fields.Has("sliding_window") ? fields.Count("sliding_window") : family.Window;
        var kinds = window is null ? null : fields.Texts("layer_types", count);
        var every = fields.Count("sliding_window_pattern") ?? fields.Count("_sliding_window_pattern") ?? family.FullLayers;
        var unwindowed = type.StartsWith("qwen", StringComparison.Ordinal) ? fields.Count("max_window_layers") ?? 28 : 0;
        var (full, sliding) = (new LayerKind(null, rotary.Full), new LayerKind(window, rotary.Sliding));
        return [.. Enumerable.Range(0, count).Select(layer => Slides(layer) ? sliding : full)];

        bool Slides(int layer) => kinds is not null ? kinds[layer] == "sliding_attention"
            : family.FullLayers > 0 ? (layer + 1) % every != 0
            : window is not null && layer >= unwindowed;
    }
}
