using System.Text;
using Microsoft.ML.Tokenizers;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// A tokenizer.json with a BPE model: byte level (Llama 3, Qwen2), or SentencePiece's with byte fallback (Llama 2, Mistral).
/// Added tokens are cut out first; what lies between is normalized, cut into pieces, and each piece merged.
/// </summary>
internal sealed class BpeTextTokenizer : ITextTokenizer
{
    private readonly Func<string, string> normalize;
    private readonly PreTokenizer.Step cut;
    private readonly Func<IReadOnlyList<string>, string> decode;
    private readonly AddedTokens raw, normalized;
    private readonly BpeTokenizer bpe;
    private readonly Dictionary<string, int> vocabulary;
    private readonly Dictionary<int, string> texts;
    private readonly HashSet<int> special;
    private readonly int? unknown;
    private readonly bool fuseUnknown, byteFallback, ignoreMerges;
    private readonly int[] before, after;

    private BpeTextTokenizer(JsonReader file, SpecialTokens beside)
    {
        var model = file.Required("model");
        if (model.Child("type") is { } type && type.Text() != "BPE")
            throw type.Bad($"\"{type.Text()}\" is not supported; only BPE is.");
        foreach (var field in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (model.Child(field) is { } affix && affix.Text().Length > 0)
                throw affix.Bad("is not supported; it must be empty or null.");
        }
        vocabulary = model.Required("vocab").Properties().ToDictionary(entry => entry.Key, entry => entry.Value.Integer());
        if (vocabulary.Count == 0)
            throw model.Required("vocab").Bad("has no tokens.");
        texts = [];
        foreach (var (text, id) in vocabulary)
        {
            if (id < 0 || !texts.TryAdd(id, text))
                throw model.Required("vocab").Bad($"\"{text}\" has the id {id}, which is {(id < 0 ? "negative" : "another token's too")}.");
        }
        byteFallback = model.Child("byte_fallback")?.Flag() ?? false;
        ignoreMerges = model.Child("ignore_merges")?.Flag() ?? false;
        fuseUnknown = model.Child("fuse_unk")?.Flag() ?? false;
        unknown = model.Child("unk_token") is not { } token ? null
            : vocabulary.TryGetValue(token.Text(), out var id0) ? id0 : throw token.Bad("is not in the vocabulary.");
        bpe = BpeTokenizer.Create(new BpeOptions(vocabulary) { Merges = Merges(model) });

        normalize = TextNormalizer.Read(file.Child("normalizer"));
        cut = PreTokenizer.Read(file.Child("pre_tokenizer"));
        decode = TokenDecoder.Read(file.Child("decoder"));
        var added = ReadAdded(file.Child("added_tokens"));
        special = [.. added.Where(entry => entry.Special).Select(entry => entry.Id)];
        raw = new AddedTokens(added.Where(entry => !entry.Normalized));
        normalized = new AddedTokens(added.Where(entry => entry.Normalized)
            .Select(entry => entry with { Text = normalize(entry.Text) }));
        (before, after) = Template(file.Child("post_processor"));
        BosText = beside.Bos;
        BosId = Named(beside.Bos) ?? beside.BosId;
        EosId = Named(beside.Eos) ?? beside.EosId;
        EndIds = beside.Ends.Concat(new[] { EosId }.OfType<int>()).ToHashSet();
        Count = texts.Keys.Max() + 1;

        int? Named(string? text) => text is null ? null
            : added.FirstOrDefault(entry => entry.Text == text)?.Id ?? (vocabulary.TryGetValue(text, out var id) ? id : null);
    }

    public string? BosText { get; }

    public int? BosId { get; }

    public int? EosId { get; }

    public IReadOnlySet<int> EndIds { get; }

    public int Count { get; }

    /// <exception cref="BadInputException">Malformed, or a part that is not supported; the message names the field.</exception>
    public static BpeTextTokenizer Open(string file, SpecialTokens beside) => new(JsonReader.Open(file), beside);

    public int[] Encode(string text, bool addSpecialTokens)
    {
        var ids = new List<int>(text.Length + 2);
        if (addSpecialTokens)
            ids.AddRange(before);
        var first = true;
        foreach (var (section, added) in raw.Cut(text))
        {
            if (added is { } id)
                ids.Add(id);
            else
                EncodeSection(section, first, ids);
            first = false;
        }
        if (addSpecialTokens)
            ids.AddRange(after);
        return [.. ids];
    }

    public string Decode(IReadOnlyList<int> tokens) =>
        decode([.. tokens.Where(id => !special.Contains(id) && texts.ContainsKey(id)).Select(id => texts[id])]);

    private void EncodeSection(string section, bool first, List<int> ids)
    {
        foreach (var (part, added) in normalized.Cut(normalize(section)))
        {
            if (added is { } id)
            {
                ids.Add(id);
            }
            else
            {
                foreach (var piece in cut(part, first))
                    EncodePiece(piece, ids);
            }
            first = false;
        }
    }

    /// <summary>
    /// Merges within the runs of characters that the vocabulary knows; others become their bytes' tokens, or the unknown token,
    /// and no merge crosses them.
    /// </summary>
    private void EncodePiece(string piece, List<int> ids)
    {
        if (ignoreMerges && vocabulary.TryGetValue(piece, out var whole))
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
            if (vocabulary.ContainsKey(character))
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

    private bool AddBytes(string character, List<int> ids)
    {
        if (!byteFallback)
            return false;
        var names = Encoding.UTF8.GetBytes(character).Select(value => $"<0x{value:X2}>").ToList();
        if (!names.TrueForAll(vocabulary.ContainsKey))
            return false;
        ids.AddRange(names.Select(name => vocabulary[name]));
        return true;
    }

    private bool AddUnknown(List<int> ids)
    {
        if (unknown is { } id)
            ids.Add(id);
        return true;
    }

    /// <summary>Merges in order of rank, as "a b" or as ["a", "b"].</summary>
    private List<string> Merges(JsonReader model) =>
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

    private List<AddedToken> ReadAdded(JsonReader? list)
    {
        var added = new List<AddedToken>();
        foreach (var entry in list?.Items() ?? [])
        {
            var token = new AddedToken(
                entry.Required("content").Text(), entry.Required("id").Integer(),
                entry.Child("special")?.Flag() ?? false, entry.Child("normalized")?.Flag() ?? false,
                entry.Child("lstrip")?.Flag() ?? false, entry.Child("rstrip")?.Flag() ?? false);
            if (entry.Child("single_word")?.Flag() == true)
                throw entry.Required("single_word").Bad("is not supported; it must be false.");
            if (token.Text.Length == 0)
                throw entry.Required("content").Bad("must not be empty.");
            if (token.Id < 0 || texts.TryGetValue(token.Id, out var other) && other != token.Text)
                throw entry.Required("id").Bad($"{token.Id} of \"{token.Text}\" is {(token.Id < 0 ? "negative" : "another token's too")}.");
            texts[token.Id] = token.Text;
            added.Add(token);
        }
        return added;
    }

    /// <summary>Ids that the post-processor puts before and after one text.</summary>
    private (int[] Before, int[] After) Template(JsonReader? processor)
    {
        if (processor is null)
            return ([], []);
        switch (processor.Required("type").Text())
        {
            case "ByteLevel":
                return ([], []);
            case "Sequence":
                return processor.Required("processors").Items().Select(Template)
                    .Aggregate((Before: Array.Empty<int>(), After: Array.Empty<int>()),
                        (sum, next) => ([.. next.Before, .. sum.Before], [.. sum.After, .. next.After]));
            case "TemplateProcessing":
                List<int> before = [], after = [];
                var seen = false;
                foreach (var item in processor.Required("single").Items())
                {
                    if (item.Child("SpecialToken") is { } token)
                        (seen ? after : before).AddRange(
                            processor.Required("special_tokens").Required(token.Required("id").Text()).Required("ids").Items().Select(id => id.Integer()));
                    else
                        seen = item.Required("Sequence") is not null;
                }
                return ([.. before], [.. after]);
            case var other:
                throw processor.Required("type").Bad($"\"{other}\" is not supported; use Sequence, ByteLevel or TemplateProcessing.");
        }
    }
}
