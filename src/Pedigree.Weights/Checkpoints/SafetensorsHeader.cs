using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;

namespace Pedigree.Weights.Checkpoints;

/// <summary>One tensor as a safetensors header announces it; bytes are counted from the start of the data.</summary>
internal sealed record SafetensorsEntry(string Name, DType DType, long[] Shape, long Begin, long End);

/// <summary>
/// The header of a safetensors file: 8 bytes of little-endian length, then JSON, then the data. The reader accepts only what the
/// format allows: tensors in any order in the JSON, but their bytes back to back from the first to the last of the file.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>The format's own bound on the JSON, in bytes.</summary>
    public const long MaxLength = 100_000_000;

    /// <summary>The tensors by position in the data, and the file's byte where the data starts.</summary>
    /// <exception cref="BadInputException">The header is not right, or the file is shorter or longer than it says.</exception>
    public static (IReadOnlyList<SafetensorsEntry> Entries, long DataStart) Read(string path, SafeFileHandle file)
    {
        var fileLength = RandomAccess.GetLength(file);
        Span<byte> prefix = stackalloc byte[8];
        if (fileLength < 8 || !ReadFully(file, prefix, 0))
            throw new BadInputException(path, null,
                $"is {fileLength} bytes long, but a safetensors file starts with 8 bytes that give the length of its header");

        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxLength)
            throw new BadInputException(path, "header",
                $"is said at byte 0 to be {length} bytes long; at most {MaxLength} are allowed");
        var dataStart = 8 + (long)length;
        if (dataStart > fileLength)
            throw new BadInputException(path, "header",
                $"is said at byte 0 to be {length} bytes long and would end at byte {dataStart}, "
                + $"but the file ends at byte {fileLength}");

        var json = new byte[(int)length];
        if (!ReadFully(file, json, 8))
            throw new BadInputException(path, "header", $"could not be read whole: the file ended before byte {dataStart}");
        var entries = Parse(path, json);
        CheckPlaces(path, entries, dataStart, fileLength);
        return (entries, dataStart);
    }

    /// <summary>A name fit for an error message: bounded, without control characters.</summary>
    public static string Shown(string name) =>
        string.Concat((name.Length > 200 ? name[..200] + "…" : name).Select(c => char.IsControl(c) ? '\uFFFD' : c));

    private static bool ReadFully(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        while (!buffer.IsEmpty)
        {
            var read = RandomAccess.Read(file, buffer, offset);
            if (read == 0)
                return false;
            buffer = buffer[read..];
            offset += read;
        }
        return true;
    }

    private static List<SafetensorsEntry> Parse(string path, byte[] json)
    {
        if (json.Length == 0 || json[0] != '{')
            throw new BadInputException(path, "header", "must be a JSON object and so start with `{` at byte 8");
        if (!Utf8.IsValid(json))
            throw new BadInputException(path, "header", "must be UTF-8 text");
        try
        {
            using var document = JsonDocument.Parse(json);
            var names = new HashSet<string>(StringComparer.Ordinal);
            var entries = new List<SafetensorsEntry>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                var name = property.Name;
                if (!names.Add(name))
                    throw new BadInputException(path, Field(name), "appears twice in the header; a name may appear once");
                if (name == "__metadata__")
                    CheckMetadata(path, property.Value);
                else
                    entries.Add(ParseEntry(path, name, property.Value));
            }
            return entries;
        }
        catch (JsonException error)
        {
            throw new BadInputException(path, "header", $"is not JSON at byte {8 + BytePosition(json, error)}: {error.Message}");
        }
        catch (InvalidOperationException)
        {
            throw new BadInputException(path, "header", "holds a string with half a surrogate pair, which is not text");
        }
    }

    private static void CheckMetadata(string path, JsonElement metadata)
    {
        if (metadata.ValueKind != JsonValueKind.Object
            || metadata.EnumerateObject().Any(p => p.Value.ValueKind != JsonValueKind.String))
            throw new BadInputException(path, "`__metadata__`", "must be a JSON object whose values are all strings");
    }

    private static SafetensorsEntry ParseEntry(string path, string name, JsonElement value)
    {
        BadInputException Bad(string message) => new(path, Field(name), message);

        if (value.ValueKind != JsonValueKind.Object)
            throw Bad("must be a JSON object with `dtype`, `shape` and `data_offsets`");
        JsonElement? dTypeValue = null, shapeValue = null, offsetsValue = null;
        foreach (var property in value.EnumerateObject())
        {
            ref var slot = ref dTypeValue;
            switch (property.Name)
            {
                case "dtype": break;
                case "shape": slot = ref shapeValue; break;
                case "data_offsets": slot = ref offsetsValue; break;
                default:
                    throw Bad($"has an unknown key `{Shown(property.Name)}`; it may have `dtype`, `shape` and `data_offsets`");
            }
            if (slot is not null)
                throw Bad($"has `{property.Name}` twice; it may have it once");
            slot = property.Value;
        }
        if (dTypeValue is not { ValueKind: JsonValueKind.String } dTypeText)
            throw Bad("must have a `dtype` that is a string");
        if (DTypes.FromSafetensorsName(dTypeText.GetString()!) is not { } dType)
            throw Bad($"has the unknown dtype `{Shown(dTypeText.GetString()!)}`; known are {DTypes.AllNames}");
        if (WholeNumbers(shapeValue) is not { } shape)
            throw Bad("must have a `shape` that is an array of whole numbers, none negative");
        if (WholeNumbers(offsetsValue) is not [var begin, var end] || begin > end)
            throw Bad("must have `data_offsets` [begin, end] that are two whole numbers, 0 ≤ begin ≤ end");

        // In 128 bits no product can overflow unseen: it is bounded before each further size is multiplied in.
        var bytes = shape.Contains(0) ? Int128.Zero : shape.Aggregate(
            (Int128)dType.Size(), (product, size) => product > long.MaxValue ? product : product * size);
        if (bytes != end - begin)
            throw Bad($"of shape [{string.Join(", ", shape)}] and dtype {dType.SafetensorsName()} takes "
                + $"{(bytes > long.MaxValue ? "more bytes than any file has" : bytes + " bytes")}, "
                + $"but its `data_offsets` [{begin}, {end}] give it {end - begin}");
        return new(name, dType, shape, begin, end);
    }

    private static long[]? WholeNumbers(JsonElement? value)
    {
        if (value is not { ValueKind: JsonValueKind.Array } array)
            return null;
        var numbers = new long[array.GetArrayLength()];
        var next = 0;
        foreach (var element in array.EnumerateArray())
        {
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out var number) || number < 0)
                return null;
            numbers[next++] = number;
        }
        return numbers;
    }

    private static void CheckPlaces(string path, List<SafetensorsEntry> entries, long dataStart, long fileLength)
    {
        var dataLength = fileLength - dataStart;
        if (entries.Find(entry => entry.End > dataLength) is { } beyond)
            throw new BadInputException(path, Field(beyond.Name),
                $"would end {beyond.End} bytes into the data, but the file ends at "
                + $"byte {fileLength}, {dataLength} bytes into the data; "
                + "the file is truncated or its header wrong");

        // Empty tensors take no place: sorted before the one that starts where they do.
        entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)) is var order and not 0
            ? order : string.CompareOrdinal(a.Name, b.Name));
        var expected = 0L;
        SafetensorsEntry? previous = null;
        foreach (var entry in entries)
        {
            if (entry.Begin < expected)
                throw new BadInputException(path, Field(entry.Name),
                    $"starts at byte {dataStart + entry.Begin} and overlaps tensor `{Shown(previous!.Name)}`, "
                    + $"which ends at byte {dataStart + expected}");
            if (entry.Begin > expected)
                throw new BadInputException(path, Field(entry.Name),
                    $"starts at byte {dataStart + entry.Begin}, but the tensors before it end at byte {dataStart + expected}; "
                    + "no hole is allowed");
            expected = entry.End;
            previous = entry;
        }
        if (expected < dataLength)
            throw new BadInputException(path, previous is null ? null : Field(previous.Name),
                $"the last tensor ends at byte {dataStart + expected}, "
                + $"but the file goes on to byte {fileLength}; nothing may follow");
    }

    private static string Field(string name) => $"tensor `{Shown(name)}`";

    private static long BytePosition(byte[] json, JsonException error)
    {
        var lineStart = 0;
        for (var line = error.LineNumber ?? 0; line > 0; line--)
            lineStart += json.AsSpan(lineStart).IndexOf((byte)'\n') + 1;
        return lineStart + (error.BytePositionInLine ?? 0);
    }
}
