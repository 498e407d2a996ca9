using Pedigree.Weights;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>Opens the tokenizer of a checkpoint folder: tokenizer.json, or where that is missing tokenizer.model.</summary>
public static class TokenizerLoader
{
    /// <summary>Opens the tokenizer and, where the number of embedding rows is given, checks that all its ids have one.</summary>
    /// <exception cref="BadInputException">No tokenizer, a part that is not supported, or more ids than rows.</exception>
    public static ITextTokenizer Open(string folder, int? embeddingRows = null)
    {
        var json = Path.Combine(folder, "tokenizer.json");
        var model = Path.Combine(folder, "tokenizer.model");
        var (file, tokenizer) =
            File.Exists(json) ? (json, (ITextTokenizer)JsonTextTokenizer.Open(json, SpecialTokens.Read(folder)))
            : File.Exists(model) ? (model, SentencePieceFile.Open(model, SpecialTokens.Read(folder)))
            : throw new BadInputException(folder, "tokenizer", "there is neither a tokenizer.json nor a tokenizer.model.");

        if (tokenizer.Count > embeddingRows)
            throw new BadInputException(file, "vocabulary",
                $"has ids up to {tokenizer.Count - 1}, so the model needs at least "
                + $"{tokenizer.Count} rows of embeddings but has {embeddingRows}.");
        return tokenizer;
    }
}
