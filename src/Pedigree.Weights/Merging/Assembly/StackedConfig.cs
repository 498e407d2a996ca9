using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights.Configuration;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>Adjusts a config.json to other layers than it was written for.</summary>
internal static class StackedConfig
{
    private static readonly string[] Counts =
        ["num_hidden_layers", "n_layer", "n_layers", "num_layers",
            "num_decoder_layers", "encoder_layers", "decoder_layers", "depth", "max_window_layers"];

    // Numbers that some architectures give for each layer, beside those whose names say so (layer_types, no_rope_layers).
    private static readonly string[] ByLayer =
        ["activation_sparsity_pattern", "block_configs", "ffn_multipliers", "intermediate_size", "num_key_value_heads",
            "num_kv_heads", "num_query_heads"];

    // Lists of the numbers of those layers that are of a kind.
    private static readonly string[] Numbered =
        ["attn_layer_indices", "cross_attention_layers", "hybrid_layer_ids", "mlp_only_layers", "moe_layers"];

    // GPT-Neo's kinds of layers: a list of [kinds, how often].
    private const string Repeated = "attention_types";

    // More than any model has.
    private const int MostLayers = 10_000;

    /// <summary>
    /// Sets the number of layers wherever it stands, and makes lists with an entry for each layer (<c>layer_types</c>) or with
    /// the numbers of some (<c>mlp_only_layers</c>), texts with a letter for each (<c>hybrid_override_pattern</c>), and numbers
    /// by which layers are counted, of what the layers' own models say of them.
    /// </summary>
    /// <param name="config">The config, changed in place.</param>
    /// <param name="stack">What the layers' names begin with: a config with several parts has one for each.</param>
    /// <param name="before">Number of layers it was written for.</param>
    /// <param name="layers">For each layer of the child the config of the model that it was in, and its number there.</param>
    /// <param name="at">Where the layers are chosen.</param>
    /// <exception cref="BadInputException">The config cannot say of what kinds these layers are in this order.</exception>
    public static void Adjust(
        JsonObject config, string stack, int before, IReadOnlyList<(JsonObject? Config, int Layer)> layers, ConfigurationPlace at)
    {
        var isOfStack = config.Any(member => IsCount(member.Key, member.Value));
        foreach (var (key, value) in config.ToList())
        {
            switch (value)
            {
                case JsonObject inner when IsOf(key, stack):
                    Adjust(
                        inner, stack, before, [.. layers.Select(layer => (layer.Config?[key] as JsonObject, layer.Layer))], at);
                    break;
                case JsonValue when IsCount(key, value):
                    config[key] = layers.Count;
                    break;
                case JsonValue text when key.EndsWith("pattern", StringComparison.Ordinal)
                    && text.TryGetValue(out string? kinds)
                    && kinds.Length == before:
                    config[key] = string.Concat(layers.Select(layer => Letter(layer.Config?[key], kinds, layer.Layer)));
                    break;
                case JsonArray numbers when Numbered.Contains(key):
                    config[key] = new JsonArray([.. Enumerable.Range(0, layers.Count)
                        .Where(i => Has(layers[i].Config?[key] as JsonArray ?? numbers, layers[i].Layer))
                        .Select(i => JsonValue.Create(i))]);
                    break;
                case JsonArray types when key == Repeated && WrittenOut(types) is { } all && all.Count == before:
                    config[key] = new JsonArray(new JsonArray(new JsonArray(
                        [.. layers.Select(layer => Entry(WrittenOut(layer.Config?[key]), all, layer.Layer)?.DeepClone())]), 1));
                    break;
                case JsonArray list
                    when list.Count == before && (key.Contains("layer", StringComparison.Ordinal) || ByLayer.Contains(key)):
                    config[key] = new JsonArray(
                        [.. layers.Select(layer => Entry(layer.Config?[key] as JsonArray, list, layer.Layer)?.DeepClone())]);
                    break;
            }
        }
        if (isOfStack)
            CountedLayers.Adjust(config, layers, at);

        bool IsCount(string key, JsonNode? value) => Counts.Contains(key) && IsCountOf(config, key, stack)
            && value is JsonValue number
            && number.GetValueKind() == JsonValueKind.Number
            && number.TryGetValue(out int count)
            && count == before;
    }

    private static bool Has(JsonArray numbers, int layer) =>
        numbers.Any(number => number is JsonValue value && value.TryGetValue(out int other) && other == layer);

    private static List<JsonNode?>? WrittenOut(JsonNode? types)
    {
        List<JsonNode?> kinds = [];
        foreach (var each in types as JsonArray ?? [])
        {
            if (each is not JsonArray { Count: 2 } pair || pair[0] is not JsonArray repeated || pair[1] is not JsonValue value
                || !value.TryGetValue(out int times)
                || times > MostLayers
                || kinds.Count + ((long)repeated.Count * times) > MostLayers)
                return null;
            for (var i = 0; i < times; i++)
                kinds.AddRange(repeated);
        }
        return kinds;
    }

    // Beside the decoder's number of layers the others are the encoder's.
    private static bool IsCountOf(JsonObject config, string key, string stack) =>
        !config.Any(member => Counts.Contains(member.Key) && IsOfDecoder(member.Key)) || IsOfDecoder(key) == IsOfDecoder(stack);

    private static bool IsOfDecoder(string name) => name.Contains("decoder", StringComparison.Ordinal);

    // A model that leaves the list out has what the others say of that layer, or of their last one.
    private static JsonNode? Entry(IList<JsonNode?>? own, IList<JsonNode?> list, int layer) =>
        own is { } entries && layer < entries.Count ? entries[layer] : list[Math.Min(layer, list.Count - 1)];

    private static char Letter(JsonNode? own, string kinds, int layer) =>
        own is JsonValue text && text.TryGetValue(out string? letters) && layer < letters.Length
            ? letters[layer]
            : kinds[Math.Min(layer, kinds.Length - 1)];

    private static bool IsOf(string key, string stack)
    {
        var sees = stack.Contains("vision", StringComparison.Ordinal) || stack.Contains("visual", StringComparison.Ordinal);
        var hears = stack.Contains("audio", StringComparison.Ordinal);
        return key.Contains("vision", StringComparison.Ordinal) == sees
            && key.Contains("audio", StringComparison.Ordinal) == hears;
    }
}
