namespace Pedigree.Evaluation.Tokenizers;

/// <summary>Text to token ids and back, as the model's makers laid down in its tokenizer files.</summary>
public interface ITextTokenizer
{
    /// <summary>What the token that begins a text looks like, where that is known.</summary>
    string? BosText { get; }

    /// <summary>The token that begins a text; null where there is none.</summary>
    int? BosId { get; }

    /// <summary>What the token that ends a text looks like, where that is known.</summary>
    string? EosText { get; }

    /// <summary>The token that ends a text; null where there is none.</summary>
    int? EosId { get; }

    /// <summary>
    /// Every token at which a model has finished writing: <see cref="EosId"/>, and those that the model's configs name.
    /// </summary>
    IReadOnlySet<int> EndIds { get; }

    /// <summary>Largest id + 1; a model needs at least as many rows of embeddings.</summary>
    int Count { get; }

    /// <summary>Ids of a text, with the tokens put around a text by default if <paramref name="addSpecialTokens"/>.</summary>
    int[] Encode(string text, bool addSpecialTokens);

    /// <summary>Text of ids; special tokens (beginning, end, padding …) leave no trace.</summary>
    string Decode(IReadOnlyList<int> tokens);
}
