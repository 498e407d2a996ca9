using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>Adjusts a config.json to other layers than it was written for.</summary>
internal static class StackedConfig
{
    private static readonly string[] Counts =
        ["num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "encoder_layers", "decoder_layers", "depth", "max_window_layers"];

    // Numbers that some architectures give for each layer, beside those whose names say so (layer_types, no_rope_layers).
    private static readonly string[] ByLayer =
        ["activation_sparsity_pattern", "block_configs", "ffn_multipliers", "intermediate_size", "num_key_value_heads", "num_kv_heads", "num_query_heads"];

    /// <summary>
    /// Sets the number of layers wherever it stands, and makes lists with an entry for each layer (<c>layer_types</c>), and texts with a
    /// letter for each (<c>hybrid_override_pattern</c>), of what the layers' own models say of them.
    /// </summary>
    /// <param name="config">The config, changed in place.</param>
    /// <param name="stack">What the layers' names begin with: a config with several parts has one for each.</param>
    /// <param name="before">Number of layers it was written for.</param>
    /// <param name="layers">For each layer of the child the config of the model that it was in, and its number there.</param>
    public static void Adjust(JsonObject config, string stack, int before, IReadOnlyList<(JsonObject? Config, int Layer)> layers)
    {
        foreach (var (key, value) in config.ToList())
        {
            switch (value)
            {
                case JsonObject inner when IsOf(key, stack):
                    Adjust(inner, stack, before, [.. layers.Select(layer => (layer.Config?[key] as JsonObject, layer.Layer))]);
                    break;
                case JsonValue number when Counts.Contains(key) && IsCountOf(config, key, stack) && number.GetValueKind() == JsonValueKind.Number && number.TryGetValue(out int count) && count == before:
                    config[key] = layers.Count;
                    break;
                case JsonValue text when key.EndsWith("pattern", StringComparison.Ordinal) && text.TryGetValue(out string? kinds) && kinds.Length == before:
                    config[key] = string.Concat(layers.Select(layer => Letter(layer.Config?[key], kinds, layer.Layer)));
                    break;
                case JsonArray list when list.Count == before && (key.Contains("layer", StringComparison.Ordinal) || ByLayer.Contains(key)):
                    config[key] = new JsonArray([.. layers.Select(layer => Entry(layer.Config?[key], list, layer.Layer)?.DeepClone())]);
                    break;
            }
        }
    }

    // Beside the decoder's number of layers the others are the encoder's.
    private static bool IsCountOf(JsonObject config, string key, string stack) =>
        !config.Any(member => Counts.Contains(member.Key) && IsOfDecoder(member.Key)) || IsOfDecoder(key) == IsOfDecoder(stack);

    private static bool IsOfDecoder(string name) => name.Contains("decoder", StringComparison.Ordinal);

    // A model that leaves the list out has what the others say of that layer, or of their last one.
    private static JsonNode? Entry(JsonNode? own, JsonArray list, int layer) =>
        own is JsonArray entries && layer < entries.Count ? entries[layer] : list[Math.Min(layer, list.Count - 1)];

    private static char Letter(JsonNode? own, string kinds, int layer) =>
        own is JsonValue text && text.TryGetValue(out string? letters) && layer < letters.Length ? letters[layer] : kinds[Math.Min(layer, kinds.Length - 1)];

    private static bool IsOf(string key, string stack)
    {
        var sees = stack.Contains("vision", StringComparison.Ordinal) || stack.Contains("visual", StringComparison.Ordinal);
        var hears = stack.Contains("audio", StringComparison.Ordinal);
        return key.Contains("vision", StringComparison.Ordinal) == sees && key.Contains("audio", StringComparison.Ordinal) == hears;
    }
}
