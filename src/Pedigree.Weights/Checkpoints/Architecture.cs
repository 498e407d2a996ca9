using System.Globalization;

namespace Pedigree.Weights.Checkpoints;

/// <summary>Where a tensor stands in its model.</summary>
/// <param name="Stack">What comes before the layer's number, such as <c>model.layers</c>; null: in no layer.</param>
/// <param name="Layer">The layer, from 0.</param>
/// <param name="Rest">What comes after the number, such as <c>.mlp.up_proj.weight</c>.</param>
public readonly record struct TensorPlace(string? Stack, int Layer, string Rest);

/// <summary>
/// A model's layers as the names of its tensors show them. No architecture is known by name: a layer's number is the first
/// number in a name that does not begin it (<c>model.layers.3.mlp.experts.7.w1</c> is in layer 3,
/// <c>0.bert.encoder.layer.3.output</c> as well).
/// </summary>
public sealed class Architecture
{
    private static readonly string[] Embeddings = ["emb", "wte", "wpe"];

    /// <summary>Looks at the names of all tensors of a model.</summary>
    public Architecture(IEnumerable<string> tensors) => Stacks = tensors.Select(Place).Where(place => place.Stack is not null)
        .GroupBy(place => place.Stack!, StringComparer.Ordinal)
        .OrderBy(stack => stack.Key, StringComparer.Ordinal)
        .ToDictionary(stack => stack.Key, stack => stack.Max(place => place.Layer) + 1, StringComparer.Ordinal);

    /// <summary>
    /// Number of layers by what comes before their number; a model that reads images or translates has several such stacks.
    /// </summary>
    public IReadOnlyDictionary<string, int> Stacks { get; }

    /// <summary>Where a tensor stands.</summary>
    public static TensorPlace Place(string tensor)
    {
        var parts = tensor.Split('.');
        for (var i = 1; i < parts.Length; i++)
            if (int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out var layer))
            {
                var stack = string.Join('.', parts[..i]);
                return new(stack, layer, tensor[(stack.Length + 1 + parts[i].Length)..]);
            }
        return new(null, 0, tensor);
    }

    /// <summary>
    /// Whether a tensor outside the layers comes before them (token and position embeddings); the others come after.
    /// </summary>
    public static bool IsEmbedding(string tensor) =>
        tensor.Split('.').Any(part => Embeddings.Any(word => part.Contains(word, StringComparison.OrdinalIgnoreCase))
            && !part.Contains("out", StringComparison.Ordinal));
}
