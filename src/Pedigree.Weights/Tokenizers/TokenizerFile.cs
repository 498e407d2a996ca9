using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Tokenizers;

/// <summary>A <c>tokenizer.json</c>: its tokens and their numbers, and everything else as it was. It encodes nothing.</summary>
internal sealed class TokenizerFile
{
    public const string Name = "tokenizer.json";

    private const int MaxLength = 200_000_000;

    private static readonly JsonSerializerOptions Written =
        new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string _path;
    private readonly JsonObject _root;
    private readonly JsonArray _added;
    private readonly Dictionary<string, int> _vocabulary = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JsonObject> _addedByToken = new(StringComparer.Ordinal);

    private TokenizerFile(string path, JsonObject root)
    {
        _path = path;
        _root = root;
        if (root["added_tokens"] is not JsonArray added)
            root["added_tokens"] = added = [];
        _added = added;
        try
        {
            Index();
        }
        catch (Exception error)
            when (error is InvalidOperationException or FormatException or NullReferenceException or KeyNotFoundException)
        {
            throw new BadInputException(path, "model.vocab",
                "must hold tokens with their numbers (BPE, WordPiece, WordLevel) or scores (Unigram), "
                + "and added_tokens their `id` and `content`");
        }
    }

    /// <summary>Reads the one of a model.</summary>
    /// <exception cref="BadInputException">It is missing, or not one.</exception>
    public static TokenizerFile Read(string folder)
    {
        var path = Path.Combine(folder, Name);
        return File.Exists(path)
            ? new(path, CheckpointFiles.ReadObject(path, MaxLength))
            : throw new BadInputException(path, null,
                "is missing; vocabularies are united by it, so save the model's tokenizer "
                + "as a fast one, or leave the tokenizer's settings out");
    }

    /// <summary>The number of every token.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    /// <summary>One more than the highest number.</summary>
    public int Count { get; private set; }

    /// <summary>What the file says of a token that was added to the model's own; null for the others.</summary>
    public JsonObject? Added(string token) => _addedByToken.GetValueOrDefault(token);

    /// <summary>Adds a token with the next number, unless it is there.</summary>
    /// <param name="token">The token.</param>
    /// <param name="like">What another file says of it; null: an ordinary token.</param>
    public void Add(string token, JsonObject? like)
    {
        var id = Count;
        if (!_vocabulary.TryAdd(token, id))
            return;
        var entry = new JsonObject { ["id"] = id, ["content"] = token };
        foreach (var key in new[] { "single_word", "lstrip", "rstrip", "normalized", "special" })
            entry[key] = like?[key]?.DeepClone() ?? key == "normalized";
        _added.Add(entry);
        _addedByToken.Add(token, entry);
        Count++;
    }

    /// <summary>Removes tokens that have no row in a model of that many rows.</summary>
    public void Strip(long rows)
    {
        HashSet<string> gone = [.. _vocabulary.Where(token => token.Value >= rows).Select(token => token.Key)];
        if (gone.Count == 0)
            return;
        foreach (var entry in _added.Where(entry => gone.Contains((string)entry!["content"]!)).ToList())
            _added.Remove(entry);
        switch (_root["model"]!["vocab"])
        {
            case JsonObject vocabulary:
                foreach (var token in gone)
                    vocabulary.Remove(token);
                break;
            case JsonArray list:
                while (list.Count > rows)
                    list.RemoveAt(list.Count - 1);
                break;
        }
        if (_root["model"]!["merges"] is JsonArray merges)
            foreach (var merge in merges.Where(
                merge => Parts(merge!).Any(gone.Contains) || gone.Contains(string.Concat(Parts(merge!)))).ToList())
                merges.Remove(merge);
        foreach (var token in gone)
        {
            _vocabulary.Remove(token);
            _addedByToken.Remove(token);
        }
        Count = Highest() + 1;
    }

    /// <summary>The file.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(_root.ToJsonString(Written) + "\n");

    /// <summary>A tokenizer_config.json that knows the tokens that were added here.</summary>
    public void Complete(JsonObject config)
    {
        if (config["added_tokens_decoder"] is not JsonObject decoder)
            return;
        foreach (var entry in _added.OfType<JsonObject>())
        {
            var id = entry["id"]!.ToString();
            if ((string?)decoder[id]?["content"] == (string?)entry["content"])
                continue;
            var copy = (JsonObject)entry.DeepClone();
            copy.Remove("id");
            decoder[id] = copy;
        }
        foreach (var id in decoder.Select(member => member.Key)
            .Where(id => !_added.Any(entry => entry!["id"]!.ToString() == id)).ToList())
            decoder.Remove(id);
    }

    // Older files write a merge as text with a space, newer ones as a list of two.
    private static string[] Parts(JsonNode merge) =>
        merge is JsonArray pair ? [.. pair.Select(part => (string)part!)] : ((string)merge!).Split(' ');

    private void Index()
    {
        switch (_root["model"]?["vocab"])
        {
            case JsonObject vocabulary:
                foreach (var (token, id) in vocabulary)
                    _vocabulary[token] = (int)id!;
                break;
            case JsonArray list:
                for (var id = 0; id < list.Count; id++)
                    _vocabulary[(string)list[id]![0]!] = id;
                break;
            default:
                throw new BadInputException(_path, "model.vocab", "is missing");
        }
        foreach (var entry in _added.Select(entry => entry!.AsObject()))
        {
            var token = entry["content"]!.GetValue<string>();
            _vocabulary[token] = (int)entry["id"]!;
            _addedByToken.TryAdd(token, entry);
        }
        Count = Highest() + 1;
    }

    private int Highest() => _vocabulary.Values.DefaultIfEmpty(-1).Max();
}
