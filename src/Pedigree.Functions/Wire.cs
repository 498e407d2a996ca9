using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Evolution;

namespace Pedigree.Functions;

/// <summary>
/// What passes between orchestrator and activities: JSON as in the log, in one string, which no
/// serializer on the way takes apart.
/// </summary>
internal static class Wire
{
    public static string Write<T>(T value) => JsonSerializer.Serialize(value, EventJson.Options);

    public static T Read<T>(string text) => JsonSerializer.Deserialize<T>(text, EventJson.Options)!;

    public static string WriteEvents(IEnumerable<RunEvent> events) =>
        Write(events.Select(runEvent => new Entry(EventJson.TypeOf(runEvent), EventJson.ToJson(runEvent))));

    public static IReadOnlyList<RunEvent> ReadEvents(string text) =>
        [.. Read<Entry[]>(text).Select(entry => EventJson.FromJson(entry.Type, entry.Data))];

    private sealed record Entry(string Type, JsonNode Data);
}
