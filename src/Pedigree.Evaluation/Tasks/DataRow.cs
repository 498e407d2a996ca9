using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>One object of a JSONL file.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">Its line, from 1.</param>
/// <param name="Fields">What it says.</param>
internal sealed record DataRow(string File, int Line, JsonObject Fields)
{
    /// <summary>A complaint about this row that names file, line and field.</summary>
    public BadInputException Bad(string field, string message) => new(File, $"line {Line}, {field}", message);

    /// <summary>Reads all rows of a file, and the SHA-256 of its bytes in hexadecimal.</summary>
    /// <exception cref="BadInputException">The file is missing, has no rows, or a line is not a JSON object in UTF-8.</exception>
    public static (IReadOnlyList<DataRow> Rows, string Digest) ReadAll(string file)
    {
        if (!System.IO.File.Exists(file))
            throw new BadInputException(file, "data", "is missing; it must be a JSONL file, one JSON object a line.");
        var bytes = System.IO.File.ReadAllBytes(file);
        var rows = new List<DataRow>();
        var line = 0;
        using var reader = new StreamReader(new MemoryStream(bytes), new UTF8Encoding(false, throwOnInvalidBytes: true));
        try
        {
            while (reader.ReadLine() is { } text)
            {
                line++;
                if (text.Trim().Length == 0)
                    continue;
                var row = JsonNode.Parse(text) as JsonObject
                    ?? throw new BadInputException(file, $"line {line}", "is not a JSON object.");
                rows.Add(new DataRow(file, line, row));
                _ = row.Count; // A key given twice shows itself only when the object is first looked into.
            }
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new BadInputException(file, $"line {Math.Max(1, line)}", "is not a JSON object in UTF-8 with every key given once.");
        }
        return rows.Count > 0 ? (rows, Convert.ToHexStringLower(SHA256.HashData(bytes)))
            : throw new BadInputException(file, "data", "has no rows; it must have one JSON object a line.");
    }
}
