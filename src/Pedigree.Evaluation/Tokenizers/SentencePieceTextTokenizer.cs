using Google.Protobuf;
using Microsoft.ML.Tokenizers;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>A tokenizer.model of SentencePiece (Llama 2, Mistral); begins a text with its beginning token unless told not to.</summary>
internal sealed class SentencePieceTextTokenizer : ITextTokenizer
{
    private readonly SentencePieceTokenizer pieces;
    private readonly HashSet<int> special;
    private readonly bool addBos, addEos;

    private SentencePieceTextTokenizer(string file, SpecialTokens beside)
    {
        var added = new Dictionary<string, int>();
        foreach (var (text, id, _) in beside.Added)
            added[text] = id;
        try
        {
            using var stream = File.OpenRead(file);
            pieces = SentencePieceTokenizer.Create(stream, addBeginningOfSentence: false, addEndOfSentence: false, added);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or ArgumentException or InvalidOperationException
            or InvalidDataException or NotSupportedException or KeyNotFoundException or NullReferenceException)
        {
            // The library dereferences what is missing.
            var reason = e is NullReferenceException ? "it must have pieces, trainer_spec and normalizer_spec." : e.Message;
            throw new BadInputException(file, null, $"is not a SentencePiece model that can be read: {reason}");
        }
        if (pieces.Vocabulary.Count == 0)
            throw new BadInputException(file, "pieces", "has no tokens.");

        int? Find(string text) => added.TryGetValue(text, out var id) || pieces.Vocabulary.TryGetValue(text, out id) ? id : null;
        BosText = beside.Bos ?? pieces.BeginningOfSentenceToken;
        BosId = Find(BosText) ?? beside.BosId;
        EosId = Find(beside.Eos ?? pieces.EndOfSentenceToken) ?? beside.EosId;
        EndIds = beside.Ends.Concat(new[] { EosId }.OfType<int>()).ToHashSet();
        special = [.. beside.Added.Where(entry => entry.Special).Select(entry => entry.Id)];
        special.UnionWith(new[] { BosId, EosId }.OfType<int>());
        Count = pieces.Vocabulary.Values.Concat(added.Values).Max() + 1;
        addBos = beside.AddBos ?? true;
        addEos = beside.AddEos ?? false;
    }

    public string? BosText { get; }

    public int? BosId { get; }

    public int? EosId { get; }

    public IReadOnlySet<int> EndIds { get; }

    public int Count { get; }

    /// <exception cref="BadInputException">Not a SentencePiece model.</exception>
    public static SentencePieceTextTokenizer Open(string file, SpecialTokens beside) => new(file, beside);

    public int[] Encode(string text, bool addSpecialTokens)
    {
        var ids = pieces.EncodeToIds(text, addBeginningOfSentence: false, addEndOfSentence: false);
        return
        [
            .. addSpecialTokens && addBos && BosId is { } bos ? [bos] : Array.Empty<int>(),
            .. ids,
            .. addSpecialTokens && addEos && EosId is { } eos ? [eos] : Array.Empty<int>(),
        ];
    }

    public string Decode(IReadOnlyList<int> tokens) => pieces.Decode(tokens.Where(id => !special.Contains(id)));
}
