namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// Byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909): of bytes (Llama 3, Qwen, GPT-NeoX), or of characters with byte
/// fallback (Llama 2, Mistral, Gemma).
/// </summary>
internal sealed class BpeModel : TokenModel
{
    /// <summary>Of a pair of tokens: when they are merged, and into which.</summary>
    private readonly Dictionary<(int Left, int Right), (int Rank, int Merged)> _merges = [];

    private readonly int? _unknown;
    private readonly bool _fuseUnknown, _ignoreMerges;

    private BpeModel(JsonReader model, Dictionary<string, int> vocabulary) : base(model, vocabulary)
    {
        foreach (var field in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (model.Child(field) is { } affix && affix.Text().Length > 0)
                throw affix.Bad("is not supported; it must be empty or null.");
        }
        _ignoreMerges = model.Child("ignore_merges")?.Flag() ?? false;
        _fuseUnknown = model.Child("fuse_unk")?.Flag() ?? false;
        _unknown = model.Child("unk_token") is not { } token ? null
            : vocabulary.TryGetValue(token.Text(), out var id) ? id : throw token.Bad("is not in the vocabulary.");
        foreach (var (rank, merge) in (model.Child("merges")?.Items() ?? []).Index())
        {
            // As "a b" or as ["a", "b"].
            var parts = merge.IsArray ? [.. merge.Items().Select(part => part.Text())] : merge.Text().Split(' ');
            if (parts.Length != 2 || parts.Any(part => part.Length == 0))
                throw merge.Bad("must be two tokens, as \"a b\" or [\"a\", \"b\"].");
            if (parts.Append(parts[0] + parts[1]).FirstOrDefault(part => !vocabulary.ContainsKey(part)) is { } missing)
                throw merge.Bad($"\"{missing}\" is not in the vocabulary.");
            _merges[(vocabulary[parts[0]], vocabulary[parts[1]])] = (rank, vocabulary[parts[0] + parts[1]]);
        }
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
                throw model.Required("vocab")
                    .Bad($"\"{text}\" has the id {id}, which is {(id < 0 ? "negative" : "another token's too")}.");
        }
        return new BpeModel(model, vocabulary);
    }

    public override void Encode(string piece, List<int> ids)
    {
        if (_ignoreMerges && Vocabulary.TryGetValue(piece, out var whole))
            ids.Add(whole);
        else
            Merge(Characters(piece), ids);
    }

    /// <summary>Each character's token; of one that has none its bytes' tokens, or the unknown token.</summary>
    private List<int> Characters(string piece)
    {
        var tokens = new List<int>(piece.Length);
        var afterUnknown = false;
        var characters = Vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var i = 0; i < piece.Length;)
        {
            var character = piece.AsSpan(i, char.IsSurrogatePair(piece, i) ? 2 : 1);
            i += character.Length;
            if (characters.TryGetValue(character, out var id))
                tokens.Add(id);
            else if (!AddBytes(character.ToString(), tokens))
            {
                if (_unknown is { } other && !(afterUnknown && _fuseUnknown))
                    tokens.Add(other);
                afterUnknown = true;
                continue;
            }
            afterUnknown = false;
        }
        return tokens;
    }

    /// <summary>
    /// Merges the pair of the lowest rank, of equals the first, until none is left: with a queue of pairs, in n·log n steps.
    /// </summary>
    private void Merge(List<int> tokens, List<int> ids)
    {
        const int gone = -1;
        var (before, after) = (new int[tokens.Count], new int[tokens.Count]);
        var queue = new PriorityQueue<(int Place, int Merged), (int Rank, int Place)>();
        for (var place = 0; place < tokens.Count; place++)
            (before[place], after[place]) = (place - 1, place + 1);
        for (var place = 0; place < tokens.Count - 1; place++)
            Offer(place);
        while (queue.TryDequeue(out var next, out _))
        {
            var (place, merged) = next;
            // The pair may have changed since it was noted.
            if (tokens[place] == gone
                || after[place] >= tokens.Count
                || !_merges.TryGetValue((tokens[place], tokens[after[place]]), out var merge)
                || merge.Merged != merged)
                continue;
            tokens[place] = merged;
            tokens[after[place]] = gone;
            after[place] = after[after[place]];
            if (after[place] < tokens.Count)
            {
                before[after[place]] = place;
                Offer(place);
            }
            if (before[place] >= 0)
                Offer(before[place]);
        }
        ids.AddRange(tokens.Where(token => token != gone));

        void Offer(int place)
        {
            if (_merges.TryGetValue((tokens[place], tokens[after[place]]), out var merge))
                queue.Enqueue((place, merge.Merged), (merge.Rank, place));
        }
    }
}
