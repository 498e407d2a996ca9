namespace Pedigree.Weights.Checkpoints;

/// <summary>
/// The tensors with one row for each token: the token embedding, a head of the same shape, and the head's bias.
/// </summary>
internal static class VocabularyTensors
{
    private static readonly string[] OtherEmbeddings = ["pos", "wpe", "type"];

    /// <summary>The token embedding, or null where none is found.</summary>
    public static Tensor? Embedding(Checkpoint checkpoint) => checkpoint.Tensors
        .Where(tensor => tensor.Shape.Count == 2
            && Architecture.Place(tensor.Name).Stack is null
            && Architecture.IsEmbedding(tensor.Name)
            && !IsOfPositions(tensor.Name))
        .MaxBy(tensor => tensor.Shape[0]);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Tensor> Of(Checkpoint checkpoint)
    {
        if (Embedding(checkpoint) is not { } embedding)
            return [];
        return [.. checkpoint.Tensors.Where(tensor => Architecture.Place(tensor.Name).Stack is null
            && (tensor.Shape.SequenceEqual(embedding.Shape) && !IsOfPositions(tensor.Name)
                || IsBiasOfHead(tensor, embedding.Shape[0])))];
    }

    private static bool IsOfPositions(string tensor) =>
        tensor.Split('.').Any(part => OtherEmbeddings.Any(word => part.Contains(word, StringComparison.OrdinalIgnoreCase)));

    // In a small model the hidden size may be that of the vocabulary.
    private static bool IsBiasOfHead(Tensor tensor, long rows) =>
        tensor.Shape is [var length] && length == rows && tensor.Name.EndsWith("bias", StringComparison.Ordinal)
        && !tensor.Name.Split('.').Any(part => part.Contains("norm", StringComparison.OrdinalIgnoreCase)
            || part.StartsWith("ln", StringComparison.Ordinal)
            || part == "dense");
}
