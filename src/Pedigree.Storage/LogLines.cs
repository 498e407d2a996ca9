using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Evolution;

namespace Pedigree.Storage;

/// <summary>The lines of a run's log as they are, read on as it grows; a line that is not whole yet is left for the next time.</summary>
public sealed class LogLines(StoredRun run)
{
    private static readonly string lastType = EventJson.TypeOf(new RunCompleted(StopReason.Told, null));

    private long _read;

    /// <summary>How many lines were read.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the run's last event was read.</summary>
    public bool IsOver { get; private set; }

    /// <summary>The lines that are new.</summary>
    public async Task<IReadOnlyList<LogLine>> ReadOnAsync(CancellationToken cancellation)
    {
        byte[] bytes = await run.Store.ReadAsync(run.Log, _read, cancellation) ?? [];
        int whole = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        if (whole == 0)
            return [];
        _read += whole;
        LogLine[] lines = [.. Encoding.UTF8.GetString(bytes, 0, whole - 1).Split('\n').Select(text => new LogLine(++Count, text))];
        IsOver = (string?)JsonNode.Parse(lines[^1].Text)!["type"] == lastType;
        return lines;
    }
}

/// <summary>A line of a log.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Text">Without its newline.</param>
public sealed record LogLine(int Number, string Text);
