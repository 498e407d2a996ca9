using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Evolution;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>
/// One line of a log: a CloudEvent 1.0 in JSON. <c>previous</c> is the SHA-256 of the line before (without its newline), zeros
/// for the first; <c>id</c> is the SHA-256 of this line without its id, so that every line, the last one too, proves itself.
/// </summary>
internal static class EventLine
{
    public const int HashLength = 64;

    private const string IdStart = "{\"id\":\"";
    private static readonly string[] Attributes =
        ["id", "specversion", "source", "type", "time", "datacontenttype", "previous", "data"];

    public static string NoPrevious { get; } = new('0', HashLength);

    public static string SourceOf(string run) => $"/runs/{run}";

    /// <summary>The line, without newline.</summary>
    public static byte[] Write(string run, DateTimeOffset time, string previous, RunEvent runEvent)
    {
        string rest = new JsonObject
        {
            ["specversion"] = "1.0",
            ["source"] = SourceOf(run),
            ["type"] = EventJson.TypeOf(runEvent),
            ["time"] = time.UtcDateTime.ToString("o", CultureInfo.InvariantCulture),
            ["datacontenttype"] = "application/json",
            ["previous"] = previous,
            ["data"] = EventJson.ToJson(runEvent),
        }.ToJsonString(EventJson.Options);
        return Encoding.UTF8.GetBytes($"{IdStart}{Hashing.Sha256(rest)}\",{rest[1..]}");
    }

    /// <summary>The event of a line.</summary>
    /// <param name="run">The run's id.</param>
    /// <param name="line">Without newline.</param>
    /// <param name="previous">Hash of the line before; null where that is not known.</param>
    /// <exception cref="FormatException">What is wrong with it.</exception>
    public static LoggedEvent Read(string run, ReadOnlySpan<byte> line, string? previous)
    {
        CheckId(line);
        JsonObject members = Parse(line);
        if (members.FirstOrDefault(member => !Attributes.Contains(member.Key)) is { Key: { } unknown })
            throw new FormatException($"unknown attribute `{unknown}`");
        if (Text(members, "specversion") != "1.0")
            throw new FormatException("`specversion` must be 1.0");
        if (Text(members, "source") != SourceOf(run))
            throw new FormatException(
                $"`source` must be {SourceOf(run)}, but is {Text(members, "source")}: the line belongs to another run");
        if (Text(members, "datacontenttype") != "application/json")
            throw new FormatException("`datacontenttype` must be application/json");
        if (Text(members, "previous") is var before && before != (previous ?? before))
            throw new FormatException(
                "`previous` is not the SHA-256 of the line before: a line was removed, added, swapped or changed here");
        if (!DateTimeOffset.TryParseExact(
            Text(members, "time"), "o", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time))
            throw new FormatException("`time` must be a time of RFC 3339");
        if (members["data"] is not JsonObject data)
            throw new FormatException("`data` must be an object");
        try
        {
            return new(time, EventJson.FromJson(Text(members, "type"), data));
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            throw new FormatException($"`data` does not fit `type`: {error.Message}", error);
        }
    }

    private static void CheckId(ReadOnlySpan<byte> line)
    {
        int rest = IdStart.Length + HashLength + 2;
        if (line.Length < rest
            || !line.StartsWith(Encoding.ASCII.GetBytes(IdStart))
            || line[rest - 2] != '"'
            || line[rest - 1] != ',')
            throw new FormatException("does not begin with the `id` of an event");
        byte[] content = [(byte)'{', .. line[rest..]];
        if (!line.Slice(IdStart.Length, HashLength).SequenceEqual(Encoding.ASCII.GetBytes(Hashing.Sha256(content))))
            throw new FormatException("`id` is not the SHA-256 of the rest of the line: the line was changed");
    }

    private static JsonObject Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonNode.Parse(line, documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject
                ?? throw new FormatException("must be a JSON object");
        }
        catch (JsonException error)
        {
            throw new FormatException($"is not JSON: {error.Message}", error);
        }
    }

    private static string Text(JsonObject members, string name) =>
        members[name] is JsonValue value && value.TryGetValue(out string? text) ? text
            : throw new FormatException($"the attribute `{name}` is missing or not text");
}

/// <summary>An event and when it was recorded.</summary>
public sealed record LoggedEvent(DateTimeOffset Time, RunEvent Event);
