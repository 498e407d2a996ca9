using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>Adjusts a config.json to other layers than it was written for.</summary>
internal static class StackedConfig
{
    private static readonly string[] Counts =
        ["num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_decoder_layers", "encoder_layers", "decoder_layers", "depth", "max_window_layers"];

    /// <summary>
    /// Sets the number of layers wherever it stands, and brings lists with an entry for each layer (<c>layer_types</c>), and texts with a
    /// letter for each (<c>hybrid_override_pattern</c>), into the layers' new order.
    /// </summary>
    /// <param name="config">The config, changed in place.</param>
    /// <param name="stack">What the layers' names begin with: a config with several parts has one for each.</param>
    /// <param name="before">Number of layers it was written for.</param>
    /// <param name="layers">For each layer of the child the one that it was.</param>
    public static void Adjust(JsonObject config, string stack, int before, IReadOnlyList<int> layers)
    {
        foreach (var (key, value) in config.ToList())
        {
            switch (value)
            {
                case JsonObject inner when IsOf(key, stack):
                    Adjust(inner, stack, before, layers);
                    break;
                case JsonValue number when Counts.Contains(key) && IsCountOf(config, key, stack) && number.GetValueKind() == JsonValueKind.Number && number.TryGetValue(out int count) && count == before:
                    config[key] = layers.Count;
                    break;
                case JsonValue text when key.EndsWith("pattern", StringComparison.Ordinal) && text.TryGetValue(out string? kinds) && kinds.Length == before:
                    config[key] = string.Concat(layers.Select(layer => kinds[layer]));
                    break;
                case JsonArray list when list.Count == before && key.Contains("layer", StringComparison.Ordinal):
                    config[key] = new JsonArray([.. layers.Select(layer => list[layer]?.DeepClone())]);
                    break;
            }
        }
    }

    // Beside the decoder's number of layers the others are the encoder's.
    private static bool IsCountOf(JsonObject config, string key, string stack) =>
        !config.Any(member => Counts.Contains(member.Key) && IsOfDecoder(member.Key)) || IsOfDecoder(key) == IsOfDecoder(stack);

    private static bool IsOfDecoder(string name) => name.Contains("decoder", StringComparison.Ordinal);

    private static bool IsOf(string key, string stack)
    {
        var sees = stack.Contains("vision", StringComparison.Ordinal) || stack.Contains("visual", StringComparison.Ordinal);
        var hears = stack.Contains("audio", StringComparison.Ordinal);
        return key.Contains("vision", StringComparison.Ordinal) == sees && key.Contains("audio", StringComparison.Ordinal) == hears;
    }
}
