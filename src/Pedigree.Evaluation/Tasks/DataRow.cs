using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Parquet.Serialization;
using Pedigree.Evaluation.Jinja;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Evaluation.Tasks;

/// <summary>One row of a JSONL, JSON or Parquet file.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">Its line, or where the file has no lines its number, from 1.</param>
/// <param name="Fields">What it says.</param>
internal sealed record DataRow(string File, int Line, JsonObject Fields)
{
    private Lazy<IReadOnlyDictionary<string, object?>> _values = new(() => JinjaValue.Variables(Fields));

    /// <summary>The fields as templates see them.</summary>
    public IReadOnlyDictionary<string, object?> Values => _values.Value;

    /// <summary>Where it stands, as errors give it.</summary>
    public string Place => $"{(File.EndsWith(".jsonl", StringComparison.Ordinal) ? "line" : "row")} {Line}";

    /// <summary>A complaint about this row that names file, line and field.</summary>
    public BadInputException Bad(string field, string message) => new(File, $"{Place}, {field}", message);

    /// <summary>The row with more fields, or others in place of its own.</summary>
    /// <exception cref="BadInputException">It lacks what they are made of.</exception>
    public DataRow With(IReadOnlyDictionary<string, TaskTemplate> fields)
    {
        var all = (JsonObject)Fields.DeepClone();
        foreach (var (name, template) in fields)
            all[name] = JsonNode.Parse(JinjaJson.Write(template.Evaluate(this), null));
        return this with { Fields = all, _values = new(() => JinjaValue.Variables(all)) };
    }

    /// <summary>Reads all rows of a file, and the SHA-256 of its bytes in hexadecimal.</summary>
    /// <exception cref="BadInputException">The file is missing, has no rows, or a row is not right.</exception>
    public static (IReadOnlyList<DataRow> Rows, string Digest) ReadAll(string file)
    {
        if (!System.IO.File.Exists(file))
            throw new BadInputException(file, "data",
                "is missing; it must be a JSONL file, one JSON object a line, or a Parquet file.");
        var bytes = System.IO.File.ReadAllBytes(InputFile.Readable(file));
        var rows = Path.GetExtension(file) == ".parquet" ? FromParquet(file, bytes)
            : Path.GetExtension(file) == ".json"
                && bytes.AsSpan().TrimStart(" \r\n\t"u8).StartsWith("["u8) ? FromArray(file, bytes) : FromLines(file, bytes);
        return rows.Count > 0 ? (rows, Hashing.Sha256(bytes))
            : throw new BadInputException(file, "data", "has no rows; it must have one JSON object a line.");
    }

    private static List<DataRow> FromLines(string file, byte[] bytes)
    {
        var rows = new List<DataRow>();
        var line = 0;
        using var reader = new StreamReader(new MemoryStream(bytes), new UTF8Encoding(false, throwOnInvalidBytes: true));
        try
        {
            while (reader.ReadLine() is { } text)
            {
                line++;
                if (text.Trim().Length > 0)
                    rows.Add(new DataRow(file, line, Object(JsonNode.Parse(text))));
            }
            return rows;
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            throw new BadInputException(file, $"line {Math.Max(1, line)}",
                "is not a JSON object in UTF-8 with every key given once.");
        }
    }

    private static List<DataRow> FromArray(string file, byte[] bytes)
    {
        try
        {
            return [.. JsonNode.Parse(bytes)!.AsArray().Select((row, i) => new DataRow(file, i + 1, Object(row)))];
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            throw new BadInputException(file, null, "is not a list of JSON objects with every key given once.");
        }
    }

    /// <exception cref="JsonException">It is none.</exception>
    private static JsonObject Object(JsonNode? node)
    {
        var row = node as JsonObject ?? throw new JsonException();
        _ = row.Count; // A key given twice shows itself only when the object is first looked into.
        return row;
    }

    private static List<DataRow> FromParquet(string file, byte[] bytes)
    {
        try
        {
            var table = ParquetSerializer.DeserializeUntypedAsync(new MemoryStream(bytes)).GetAwaiter().GetResult();
            return [.. table.Data.Select((row, i) => new DataRow(file, i + 1, (JsonObject)Json(row)!))];
        }
        catch (Exception error) when (error is not (BadInputException or OutOfMemoryException))
        {
            throw new BadInputException(file, null, $"cannot be read as Parquet: {error.Message}");
        }
    }

    private static JsonNode? Json(object? value) => value switch
    {
        null => null,
        string text => JsonValue.Create(text),
        ReadOnlyMemory<char> text => JsonValue.Create(text.ToString()),
        bool flag => JsonValue.Create(flag),
        sbyte or short or int or long or byte or ushort or uint =>
            JsonValue.Create(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        float number => JsonValue.Create((double)number),
        double number => JsonValue.Create(number),
        decimal number => JsonValue.Create(number),
        byte[] bytes => JsonValue.Create(Encoding.UTF8.GetString(bytes)),
        IDictionary members =>
            new JsonObject(members.Keys.Cast<object>().Select(key => KeyValuePair.Create(key.ToString()!, Json(members[key])))),
        IEnumerable items => new JsonArray([.. items.Cast<object?>().Select(Json)]),
        _ => JsonValue.Create(Convert.ToString(value, CultureInfo.InvariantCulture)),
    };
}
