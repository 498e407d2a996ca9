using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights.Configuration;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>
/// A number in a config.json by which the layers of a kind are found: every n-th, or the first n. After layers were stacked
/// another number may be right, or none; then the list that some architectures have in its place is written.
/// </summary>
/// <param name="Key">Where the number stands.</param>
/// <param name="Is">Whether by this number a layer is of the kind.</param>
internal sealed record CountedLayers(string Key, Func<int, int, bool> Is)
{
    private static readonly Func<int, int, bool> LastOfEvery = (n, layer) => n > 0 && (layer + 1) % n == 0;
    private static readonly Func<int, int, bool> FirstOfEvery = (n, layer) => n > 0 && layer % n == 0;
    private static readonly Func<int, int, bool> OfTheFirst = (n, layer) => layer < n;

    private static readonly CountedLayers[] All =
    [
        new("sliding_window_pattern", LastOfEvery)
        {
            List = "layer_types",
            Entries = Words("full_attention", "sliding_attention"),
            Absent = { ["gemma2"] = 2, ["gemma3_text"] = 6, ["cohere2"] = 4 },
        },
        new("full_attention_interval", LastOfEvery)
        {
            List = "layer_types",
            Entries = Words("full_attention", "linear_attention"),
            Absent = { ["qwen3_next"] = 4 },
        },
        new("global_attn_every_n_layers", FirstOfEvery)
        {
            List = "layer_types",
            Entries = Words("full_attention", "sliding_attention"),
            Absent = { ["modernbert"] = 3 },
        },
        new("max_window_layers", OfTheFirst)
        {
            List = "layer_types",
            Entries = Words("full_attention", "sliding_attention"),
            Switch = "use_sliding_window",
        },
        new("no_rope_layer_interval", LastOfEvery)
        {
            List = "no_rope_layers",
            Entries = kinds => kinds.Select(kind => JsonValue.Create(kind ? 0 : 1)),
            Absent = { ["smollm3"] = 4, ["llama4_text"] = 4 },
        },
        new("interleave_moe_layer_step", LastOfEvery) { List = "moe_layers", Entries = kinds =>
            kinds.Select((kind, layer) => (kind, layer)).Where(each => each.kind).Select(each => JsonValue.Create(each.layer)) },
        new("decoder_sparse_step", LastOfEvery),
        new("moe_layer_freq", FirstOfEvery),
        new("first_k_dense_replace", OfTheFirst),
        new("attn_layer_period", FirstOfEvery) { Offset = "attn_layer_offset" },
        new("expert_layer_period", FirstOfEvery) { Offset = "expert_layer_offset" },
    ];

    /// <summary>A list that goes before the number where it is there and not empty; null: there is none.</summary>
    private string? List { get; init; }

    /// <summary>Its entries, made of whether each layer is of the kind.</summary>
    private Func<IReadOnlyList<bool>, IEnumerable<JsonNode>> Entries { get; init; } = _ => [];

    /// <summary>By model type, the number where it is left out.</summary>
    private Dictionary<string, int> Absent { get; } = [];

    /// <summary>What must be true for the number to mean anything; null: nothing.</summary>
    private string? Switch { get; init; }

    /// <summary>Where the number of layers stands that counting begins after; null: with the first.</summary>
    private string? Offset { get; init; }

    /// <summary>Changes all that do not fit.</summary>
    /// <param name="config">The child's config, of the donor's numbers.</param>
    /// <param name="layers">For each layer of the child the config of the model that it was in, and its number there.</param>
    /// <param name="at">Where the layers are chosen.</param>
    /// <exception cref="BadInputException">No number fits, and there is no list for it.</exception>
    public static void Adjust(JsonObject config, IReadOnlyList<(JsonObject? Config, int Layer)> layers, ConfigurationPlace at)
    {
        foreach (var counted in All)
            counted.AdjustOne(config, layers, at);
    }

    private void AdjustOne(JsonObject config, IReadOnlyList<(JsonObject? Config, int Layer)> layers, ConfigurationPlace at)
    {
        if (Number(config) is not { } number
            || List is not null && config[List] is JsonArray { Count: > 0 }
            || Switch is not null && config[Switch]?.ToString() != "true")
            return;
        bool[] kinds = [.. layers.Select(layer => IsOfKind(Number(layer.Config) ?? number, layer.Layer, layer.Config ?? config))];
        var candidates = config.ContainsKey(Key)
            ? Enumerable.Range(Is == OfTheFirst ? 0 : 1, layers.Count + 1).Prepend(number)
            : [number];
        foreach (var candidate in candidates)
            if (kinds.Select((kind, layer) => kind == IsOfKind(candidate, layer, config)).All(fits => fits))
            {
                if (candidate != number)
                    config[Key] = candidate;
                return;
            }
        config[List ?? throw at.Error($"`{Key}` in config.json is {number}, and no number tells what kind of layer "
            + "is where in this order; choose ranges after which one does")]
            = new JsonArray([.. Entries(kinds)]);
    }

    private bool IsOfKind(int number, int layer, JsonObject config) =>
        Is(number, layer - (Offset is null ? 0 : Whole(config[Offset]) ?? 0));

    private int? Number(JsonObject? config) => Whole(config?[Key])
        ?? (config?["model_type"] is { } type && Absent.TryGetValue(type.ToString(), out var absent) ? absent : null);

    private static int? Whole(JsonNode? node) => node is JsonValue value
        && value.GetValueKind() == JsonValueKind.Number
        && value.TryGetValue(out int number) ? number : null;

    private static Func<IReadOnlyList<bool>, IEnumerable<JsonNode>> Words(string kind, string other) =>
        kinds => kinds.Select(each => JsonValue.Create(each ? kind : other));
}
