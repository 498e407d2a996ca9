using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>Reads a log and verifies all of it.</summary>
public static class EventLog
{
    /// <summary>All events of a run's log, in order.</summary>
    /// <param name="path">Path of <c>events.jsonl</c>.</param>
    /// <param name="run">The run it should belong to.</param>
    /// <param name="mayBeTorn">
    /// Whether a last line without its newline, which a writer that was killed leaves and nobody relied on, is passed over.
    /// </param>
    /// <exception cref="BadInputException">A line is damaged, missing, swapped or foreign: names file, line and what is wrong.</exception>
    public static IReadOnlyList<LoggedEvent> Read(string path, string run, bool mayBeTorn = true) =>
        Read(path, run, File.ReadAllBytes(path), mayBeTorn).Events;

    internal static Contents Read(string path, string run, byte[] bytes, bool mayBeTorn)
    {
        List<LoggedEvent> events = [];
        string previous = EventLine.NoPrevious;
        int start = 0;
        for (int length; (length = bytes.AsSpan(start).IndexOf((byte)'\n')) >= 0; start += length + 1)
        {
            ReadOnlySpan<byte> line = bytes.AsSpan(start, length);
            events.Add(ReadLine(path, run, events.Count + 1, line, previous));
            previous = EventLine.Hash(line);
        }
        CheckRest(path, run, events.Count + 1, bytes.AsSpan(start), previous, mayBeTorn);
        return new(events, previous, start);
    }

    private static LoggedEvent ReadLine(string path, string run, int number, ReadOnlySpan<byte> line, string previous)
    {
        try
        {
            return EventLine.Read(run, line, previous);
        }
        catch (FormatException error)
        {
            throw new BadInputException(path, $"line {number}", error.Message);
        }
    }

    // A killed writer leaves the beginning of a line. A whole line followed by something else than a newline is damage.
    private static void CheckRest(string path, string run, int number, ReadOnlySpan<byte> rest, string previous, bool mayBeTorn)
    {
        if (rest.Length == 0)
            return;
        bool whole = false;
        try
        {
            EventLine.Read(run, rest[..^1], previous);
            whole = true;
        }
        catch (FormatException)
        {
        }
        if (whole || !mayBeTorn)
            throw new BadInputException(path, $"line {number}", "must end with a newline");
    }

    /// <summary>What a log holds, the hash of its last line, and the length of its whole lines in bytes.</summary>
    internal sealed record Contents(IReadOnlyList<LoggedEvent> Events, string LastHash, long Length);
}
