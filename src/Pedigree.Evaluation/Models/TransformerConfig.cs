using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Models;

/// <summary>What config.json says of a Llama-family decoder.</summary>
internal sealed record TransformerConfig
{
    public required int VocabularySize { get; init; }
    public required int Width { get; init; }
    public required int FeedForwardWidth { get; init; }
    public required int Layers { get; init; }
    public required int Heads { get; init; }
    public required int KeyValueHeads { get; init; }
    public required int HeadWidth { get; init; }
    public required int ContextLength { get; init; }
    public required double NormEpsilon { get; init; }
    public bool TiedHead { get; init; }
    public bool QueryKeyValueBias { get; init; }
    public bool OutputBias { get; init; }
    public bool FeedForwardBias { get; init; }

    /// <summary>For each layer how many tokens a token attends to, itself included; null for all before it.</summary>
    public required IReadOnlyList<int?> Windows { get; init; }

    public required RotaryEmbedding Rotary { get; init; }

    /// <summary>Reads and checks a config.json with the defaults that each architecture gives to absent fields.</summary>
    /// <exception cref="BadInputException">The architecture, or a value, is not one that <see cref="Transformer"/> computes.</exception>
    public static TransformerConfig Read(JsonObject config, string file)
    {
        var fields = new ConfigFields(config, file, "");
        var type = fields.Text("model_type") ?? throw fields.Bad("model_type", "is missing; llama, mistral or qwen2 would be right");
        if (type is not ("llama" or "mistral" or "qwen2"))
            throw fields.Bad("model_type", $"is '{type}'; only llama, mistral and qwen2 can be computed");
        if (fields.Text("hidden_act") is { } activation && activation is not ("silu" or "swish"))
            throw fields.Bad("hidden_act", $"is '{activation}'; only silu can be computed");
        if (config["quantization_config"] is not null)
            throw fields.Bad("quantization_config", "quantized weights cannot be computed; use the bf16, f16 or f32 checkpoint");
        if ((fields.Number("partial_rotary_factor") ?? 1) != 1)
            throw fields.Bad("partial_rotary_factor", "only 1 can be computed");

        var width = fields.RequiredCount("hidden_size");
        var heads = fields.RequiredCount("num_attention_heads");
        var keyValueHeads = fields.Count("num_key_value_heads") ?? heads;
        if (heads % keyValueHeads != 0)
            throw fields.Bad("num_key_value_heads", $"is {keyValueHeads} and must divide num_attention_heads, {heads}");
        var headWidth = fields.Count("head_dim") ?? (width % heads == 0
            ? width / heads
            : throw fields.Bad("num_attention_heads", $"is {heads} and must divide hidden_size, {width}, where head_dim is absent"));
        if (headWidth % 2 != 0)
            throw fields.Bad("head_dim", $"is {headWidth} and must be even");
        var layers = fields.RequiredCount("num_hidden_layers");
        var context = fields.RequiredCount("max_position_embeddings");
        var bias = type == "llama" && (fields.Flag("attention_bias") ?? false);
        var rotary = RotaryEmbedding.Read(fields, headWidth, context);
        return new TransformerConfig
        {
            VocabularySize = fields.RequiredCount("vocab_size"),
            Width = width,
            FeedForwardWidth = fields.RequiredCount("intermediate_size"),
            Layers = layers,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadWidth = headWidth,
            ContextLength = rotary.ExtendedContext ?? context,
            NormEpsilon = fields.Number("rms_norm_eps") ?? 1e-6,
            TiedHead = fields.Flag("tie_word_embeddings") ?? false,
            QueryKeyValueBias = bias || type == "qwen2",
            OutputBias = bias,
            FeedForwardBias = type == "llama" && (fields.Flag("mlp_bias") ?? false),
            Windows = [.. Enumerable.Range(0, layers).Select(Window)],
            Rotary = rotary,
        };

        int? Window(int layer)
        {
            if (type == "llama" || (type == "qwen2" && !(fields.Flag("use_sliding_window") ?? false)))
                return null;
            var window = config.ContainsKey("sliding_window") ? fields.Count("sliding_window") : 4096;
            if (config["layer_types"] is JsonArray kinds && kinds.Count == layers)
                return kinds[layer]?.ToString() == "sliding_attention" ? window : null;
            return type == "qwen2" && layer < (fields.Count("max_window_layers") ?? 28) ? null : window;
        }
    }
}

/// <summary>Typed access to the fields of one object of config.json; a field of another type is an error that names it.</summary>
internal sealed class ConfigFields(JsonObject values, string file, string prefix)
{
    public ConfigFields? Inner(string name) => values[name] switch
    {
        null => null,
        JsonObject inner => new ConfigFields(inner, file, $"{prefix}{name}."),
        _ => throw Bad(name, "must be an object"),
    };

    public string? Text(string name) => Value(name, JsonValueKind.String)?.GetValue<string>();

    public bool? Flag(string name) => values[name] is null ? null : values[name]!.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Bad(name, "must be true or false"),
    };

    public double? Number(string name) => Value(name, JsonValueKind.Number) is { } value
        ? double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture)
        : null;

    public int? Count(string name) => Number(name) is not { } number ? null
        : number is >= 1 and <= int.MaxValue && number == Math.Floor(number) ? (int)number
        : throw Bad(name, $"is {number.ToString(CultureInfo.InvariantCulture)} and must be a positive whole number");

    public int RequiredCount(string name) => Count(name) ?? throw Bad(name, "is missing; a positive whole number would be right");

    public double RequiredNumber(string name) => Number(name) ?? throw Bad(name, "is missing; a number would be right");

    public BadInputException Bad(string name, string message) => new(file, prefix + name, message);

    private JsonNode? Value(string name, JsonValueKind kind) => values[name] is not { } value ? null
        : value.GetValueKind() == kind ? value
        : throw Bad(name, $"must be a {kind.ToString().ToLowerInvariant()}");
}
