using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>A value in a JSON file that knows its place, so that every complaint names file and field.</summary>
internal sealed class JsonReader
{
    private readonly string _file, _path;
    private readonly JsonNode _node;

    private JsonReader(string file, string path, JsonNode node) => (_file, _path, _node) = (file, path, node);

    public bool IsObject => _node is JsonObject;

    public bool IsArray => _node is JsonArray;

    public static JsonReader Open(string file)
    {
        try
        {
            using var stream = File.OpenRead(InputFile.Readable(file));
            return new JsonReader(file, "", JsonNode.Parse(stream) as JsonObject ?? throw new JsonException());
        }
        catch (JsonException e)
        {
            var place = e.LineNumber is { } line ? $" (line {line + 1})" : "";
            throw new BadInputException(file, null, $"is not a JSON object{place}.");
        }
    }

    /// <summary>A file of another format, as the JSON that says the same.</summary>
    public static JsonReader Of(string file, JsonObject content) => new(file, "", content);

    public BadInputException Bad(string message) => new(_file, _path.Length == 0 ? null : _path, message);

    /// <summary>The child of that name; null where it is missing or null.</summary>
    public JsonReader? Child(string name) =>
        _node is not JsonObject children ? throw Bad("must be an object.") : At(name, children[name]);

    public JsonReader Required(string name) => Child(name) ?? throw Bad($"\"{name}\" is missing.");

    public IEnumerable<JsonReader> Items() =>
        _node is not JsonArray items ? throw Bad("must be a list.")
            : items.Select((item, i) => At(i.ToString(), item) ?? throw Bad($"item {i} is null."));

    public IEnumerable<(string Key, JsonReader Value, Func<int> KeyAsInteger)> Properties() =>
        _node is not JsonObject children ? throw Bad("must be an object.")
            : children.Select(child =>
            {
                var value = At(child.Key, child.Value) ?? throw Bad($"\"{child.Key}\" is null.");
                return (child.Key, value, (Func<int>)(() => int.TryParse(child.Key, out var id) ? id
                    : throw value.Bad("the key must be a token's id.")));
            });

    public string Text() => Value<string>("a string");

    /// <summary>Bytes that are written in base64.</summary>
    public byte[] Bytes()
    {
        try
        {
            return Convert.FromBase64String(Text());
        }
        catch (FormatException)
        {
            throw Bad("must be base64.");
        }
    }

    public int Integer() => Value<int>("an integer");

    public double Number() => Value<double>("a number");

    public bool Flag() => Value<bool>("true or false");

    private T Value<T>(string expected) =>
        _node is JsonValue value && value.TryGetValue<T>(out var result) ? result : throw Bad($"must be {expected}.");

    private JsonReader? At(string name, JsonNode? child) =>
        child is null ? null : new JsonReader(_file, _path.Length == 0 ? name : $"{_path}.{name}", child);
}
