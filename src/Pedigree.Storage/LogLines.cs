using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Evolution;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>
/// The lines of a run's log as they are, read on as it grows; a line that is not whole yet is left for the next time.
/// </summary>
public sealed class LogLines(StoredRun run)
{
    private static readonly string LastType = EventJson.TypeOf(new RunCompleted(StopReason.Told, null));

    private long _read;

    /// <summary>How many lines were read.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the run's last event was read.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The lines that are new.</summary>
    /// <exception cref="BadInputException">One is no event: names file and line; nothing was read then.</exception>
    public async Task<IReadOnlyList<LogLine>> ReadOnAsync(CancellationToken cancellation)
    {
        byte[] bytes = await run.Store.ReadAsync(run.Log, _read, cancellation) ?? [];
        int whole = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        if (whole == 0)
            return [];
        LogLine[] lines = [.. Encoding.UTF8.GetString(
            bytes, 0, whole - 1).Split('\n').Index().Select(line => new LogLine(Count + line.Index + 1, line.Item))];
        bool isOver = lines.Aggregate(IsOver, (over, line) => TypeOf(line) == LastType || over);
        (_read, Count, IsOver) = (_read + whole, Count + lines.Length, isOver);
        return lines;
    }

    private string TypeOf(LogLine line)
    {
        try
        {
            return (string?)JsonNode.Parse(line.Text)?["type"] ?? throw new JsonException();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new BadInputException(run.LogAddress, $"line {line.Number}",
                "is not an event as it was written: the log is damaged");
        }
    }
}

/// <summary>A line of a log.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Text">Without its newline.</param>
public sealed record LogLine(int Number, string Text);
