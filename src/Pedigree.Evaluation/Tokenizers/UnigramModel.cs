namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// SentencePiece's Unigram (Kudo 2018, arXiv 1804.10959): of all ways to cut a piece into tokens, the one with the greatest sum
/// of scores. A character that no token begins with is unknown, and worth 10 less than the worst token.
/// </summary>
internal sealed class UnigramModel : TokenModel
{
    private const double UnknownBelowWorst = 10;

    private readonly Node _root = new();
    private readonly int? _unknown;
    private readonly double _unknownScore;

    private UnigramModel(JsonReader model, IReadOnlyList<(string Text, double Score)> tokens, Dictionary<string, int> vocabulary)
        : base(model, vocabulary)
    {
        _unknown = model.Child("unk_id")?.Integer();
        if (_unknown < 0 || _unknown >= tokens.Count)
            throw model.Required("unk_id").Bad($"{_unknown} is none of the {tokens.Count} tokens.");
        _unknownScore = tokens.Min(token => token.Score) - UnknownBelowWorst;
        foreach (var (id, (text, score)) in tokens.Index())
        {
            var node = _root;
            foreach (var character in text)
                node = node.Next.TryGetValue(character, out var next) ? next : node.Next[character] = new Node();
            (node.Id, node.Score) = (id, score);
        }
    }

    /// <summary>The vocabulary is a list of [token, score]; a token's id is its place.</summary>
    public static UnigramModel Read(JsonReader model)
    {
        var list = model.Required("vocab");
        var tokens = list.Items().Select(entry => entry.IsArray && entry.Items().ToList() is [var text, var score]
            ? (Text: text.Text(), Score: score.Number())
            : throw entry.Bad("must be [token, score].")).ToList();
        if (tokens.Count == 0)
            throw list.Bad("has no tokens.");
        var vocabulary = new Dictionary<string, int>();
        foreach (var (id, (text, _)) in tokens.Index())
        {
            if (!vocabulary.TryAdd(text, id))
                throw list.Bad($"\"{text}\" is there twice.");
        }
        return new UnigramModel(model, tokens, vocabulary);
    }

    public override void Encode(string piece, List<int> ids)
    {
        // The best way to each place: where its last token begins, which that is, and what the way is worth.
        var best = new (int Start, int? Id, double Score)[piece.Length + 1];
        Array.Fill(best, (-1, null, 0), 1, piece.Length);
        for (var start = 0; start < piece.Length; start++)
        {
            if (best[start].Start < 0)
                continue;
            var (node, character) = (_root, char.IsSurrogatePair(piece, start) ? 2 : 1);
            var known = false;
            for (var end = start; end < piece.Length && node.Next.TryGetValue(piece[end], out node!);)
            {
                end++;
                if (node.Id is not { } id)
                    continue;
                known |= end - start == character;
                Offer(end, start, id, node.Score);
            }
            if (!known)
                Offer(start + character, start, null, _unknownScore);
        }
        var tokens = new List<(int Start, int End, int? Id)>();
        for (var end = piece.Length; end > 0; end = best[end].Start)
            tokens.Add((best[end].Start, end, best[end].Id));
        tokens.Reverse();
        for (var i = 0; i < tokens.Count; i++)
        {
            if (tokens[i].Id is { } id)
            {
                ids.Add(id);
                continue;
            }
            // Unknown characters in a row are one.
            var start = tokens[i].Start;
            while (i + 1 < tokens.Count && tokens[i + 1].Id is null)
                i++;
            if (!AddBytes(piece[start..tokens[i].End], ids) && _unknown is { } other)
                ids.Add(other);
        }

        void Offer(int end, int start, int? id, double score)
        {
            var sum = best[start].Score + score;
            if (best[end].Start < 0 || sum > best[end].Score)
                best[end] = (start, id, sum);
        }
    }

    /// <summary>What tokens begin with.</summary>
    private sealed class Node
    {
        public Dictionary<char, Node> Next { get; } = [];

        public int? Id { get; set; }

        public double Score { get; set; }
    }
}
