using Microsoft.ML.Tokenizers;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>Byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909): of bytes (Llama 3, Qwen, GPT-NeoX), or of characters with byte fallback (Llama 2, Mistral, Gemma).</summary>
internal sealed class BpeModel : TokenModel
{
    private readonly BpeTokenizer bpe;
    private readonly int? unknown;
    private readonly bool fuseUnknown, ignoreMerges;

    private BpeModel(JsonReader model, Dictionary<string, int> vocabulary) : base(model, vocabulary)
    {
        foreach (var field in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (model.Child(field) is { } affix && affix.Text().Length > 0)
                throw affix.Bad("is not supported; it must be empty or null.");
        }
        ignoreMerges = model.Child("ignore_merges")?.Flag() ?? false;
        fuseUnknown = model.Child("fuse_unk")?.Flag() ?? false;
        unknown = model.Child("unk_token") is not { } token ? null
            : vocabulary.TryGetValue(token.Text(), out var id) ? id : throw token.Bad("is not in the vocabulary.");
        bpe = BpeTokenizer.Create(new BpeOptions(vocabulary) { Merges = Merges(model, vocabulary) });
    }

    public static BpeModel Read(JsonReader model)
    {
        var vocabulary = model.Required("vocab").Properties().ToDictionary(entry => entry.Key, entry => entry.Value.Integer());
        if (vocabulary.Count == 0)
            throw model.Required("vocab").Bad("has no tokens.");
        var ids = new HashSet<int>();
        foreach (var (text, id) in vocabulary)
        {
            if (id < 0 || !ids.Add(id))
                throw model.Required("vocab").Bad($"\"{text}\" has the id {id}, which is {(id < 0 ? "negative" : "another token's too")}.");
        }
        return new BpeModel(model, vocabulary);
    }

    /// <summary>
    /// Merges within the runs of characters that the vocabulary knows; others become their bytes' tokens, or the unknown token,
    /// and no merge crosses them.
    /// </summary>
    public override void Encode(string piece, List<int> ids)
    {
        if (ignoreMerges && Vocabulary.TryGetValue(piece, out var whole))
        {
            ids.Add(whole);
            return;
        }
        var runStart = 0;
        var afterUnknown = false;
        for (var i = 0; i < piece.Length;)
        {
            var length = char.IsSurrogatePair(piece, i) ? 2 : 1;
            var character = piece.Substring(i, length);
            i += length;
            if (Vocabulary.ContainsKey(character))
            {
                afterUnknown = false;
                continue;
            }
            EncodeRun(piece[runStart..(i - length)], ids);
            runStart = i;
            if (!(afterUnknown && fuseUnknown))
                afterUnknown = !AddBytes(character, ids) && AddUnknown(ids);
            else if (AddBytes(character, ids))
                afterUnknown = false;
        }
        EncodeRun(piece[runStart..], ids);
    }

    private void EncodeRun(string run, List<int> ids)
    {
        if (run.Length > 0)
            ids.AddRange(bpe.EncodeToIds(run, considerPreTokenization: false, considerNormalization: false));
    }

    private bool AddUnknown(List<int> ids)
    {
        if (unknown is { } id)
            ids.Add(id);
        return true;
    }

    /// <summary>Merges in order of rank, as "a b" or as ["a", "b"].</summary>
    private static List<string> Merges(JsonReader model, Dictionary<string, int> vocabulary) =>
    [
        .. (model.Child("merges")?.Items() ?? []).Select(merge =>
        {
            var parts = merge.IsArray ? [.. merge.Items().Select(part => part.Text())] : merge.Text().Split(' ');
            if (parts.Length != 2 || parts.Any(part => part.Length == 0 || part.Contains(' ', StringComparison.Ordinal)))
                throw merge.Bad("must be two tokens without spaces, as \"a b\" or [\"a\", \"b\"].");
            if (parts.Append(parts[0] + parts[1]).FirstOrDefault(part => !vocabulary.ContainsKey(part)) is { } missing)
                throw merge.Bad($"\"{missing}\" is not in the vocabulary.");
            return $"{parts[0]} {parts[1]}";
        }),
    ];
}
