using System.Text.RegularExpressions;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// A tokenizer.json. Added tokens are cut out first; what lies between is normalized, cut into pieces, and each piece made tokens
/// by the model: BPE or Unigram.
/// </summary>
internal sealed class JsonTextTokenizer : ITextTokenizer
{
    private readonly JsonReader _file;
    private readonly Func<string, string> _normalize;
    private readonly PreTokenizer.Step _cut;
    private readonly Func<IReadOnlyList<string>, string> _decode;
    private readonly AddedTokens _raw, _normalized;
    private readonly TokenModel _model;
    private readonly Dictionary<int, string> _texts;
    private readonly HashSet<int> _special;
    private readonly int[] _before, _after;

    private JsonTextTokenizer(JsonReader file, SpecialTokens beside)
    {
        _file = file;
        var read = file.Required("model");
        _model = read.Child("type") is not { } type || type.Text() == "BPE" ? BpeModel.Read(read)
            : type.Text() == "Unigram" ? UnigramModel.Read(read)
            : throw type.Bad($"\"{type.Text()}\" is not supported; BPE and Unigram are.");
        _texts = _model.Vocabulary.ToDictionary(token => token.Value, token => token.Key);
        _normalize = TextNormalizer.Read(file.Child("normalizer"));
        _cut = PreTokenizer.Read(file.Child("pre_tokenizer"));
        _decode = TokenDecoder.Read(file.Child("decoder"));
        var added = ReadAdded(file.Child("added_tokens"));
        _special = [.. added.Where(entry => entry.Special).Select(entry => entry.Id)];
        _raw = new AddedTokens(added.Where(entry => !entry.Normalized));
        _normalized = Limited(() => new AddedTokens(added.Where(entry => entry.Normalized)
            .Select(entry => entry with { Text = _normalize(entry.Text) })));
        (_before, _after) = Template(file.Child("post_processor"));
        BosText = beside.Bos;
        BosId = Named(beside.Bos) ?? beside.BosId;
        EosText = beside.Eos;
        EosId = Named(beside.Eos) ?? beside.EosId;
        EndIds = beside.Ends.Concat(new[] { EosId }.OfType<int>()).ToHashSet();
        Count = _texts.Keys.Max() + 1;

        int? Named(string? text) => text is null ? null
            : added.FirstOrDefault(entry => entry.Text == text)?.Id
                ?? (_model.Vocabulary.TryGetValue(text, out var id) ? id : null);
    }

    public string? BosText { get; }

    public int? BosId { get; }

    public string? EosText { get; }

    public int? EosId { get; }

    public IReadOnlySet<int> EndIds { get; }

    public int Count { get; }

    /// <exception cref="BadInputException">Malformed, or a part that is not supported; the message names the field.</exception>
    public static JsonTextTokenizer Open(string file, SpecialTokens beside) => new(JsonReader.Open(file), beside);

    public static JsonTextTokenizer Of(JsonReader file, SpecialTokens beside) => new(file, beside);

    public int[] Encode(string text, bool addSpecialTokens) => Limited(() => EncodeAll(text, addSpecialTokens));

    public string Decode(IReadOnlyList<int> tokens) =>
        Limited(
            () => _decode([.. tokens.Where(id => !_special.Contains(id) && _texts.ContainsKey(id)).Select(id => _texts[id])]));

    private T Limited<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (RegexMatchTimeoutException error)
        {
            throw _file.Bad(UntrustedRegex.TooSlow(error));
        }
    }

    private int[] EncodeAll(string text, bool addSpecialTokens)
    {
        var ids = new List<int>(text.Length + 2);
        if (addSpecialTokens)
            ids.AddRange(_before);
        var first = true;
        foreach (var (section, added) in _raw.Cut(text))
        {
            if (added is { } id)
                ids.Add(id);
            else
                EncodeSection(section, first, ids);
            first = false;
        }
        if (addSpecialTokens)
            ids.AddRange(_after);
        return [.. ids];
    }

    private void EncodeSection(string section, bool first, List<int> ids)
    {
        foreach (var (part, added) in _normalized.Cut(_normalize(section)))
        {
            if (added is { } id)
            {
                ids.Add(id);
            }
            else
            {
                foreach (var piece in _cut(part, first))
                    _model.Encode(piece, ids);
            }
            first = false;
        }
    }

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
            if (token.Id < 0 || _texts.TryGetValue(token.Id, out var other) && other != token.Text)
                throw entry.Required("id")
                    .Bad($"{token.Id} of \"{token.Text}\" is {(token.Id < 0 ? "negative" : "another token's too")}.");
            _texts[token.Id] = token.Text;
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
                            processor.Required("special_tokens")
                                .Required(token.Required("id").Text()).Required("ids").Items().Select(id => id.Integer()));
                    else
                        seen = item.Required("Sequence") is not null;
                }
                return ([.. before], [.. after]);
            case var other:
                throw processor.Required("type")
                    .Bad($"\"{other}\" is not supported; use Sequence, ByteLevel or TemplateProcessing.");
        }
    }
}
