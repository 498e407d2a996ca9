using Pedigree.Evolution;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>
/// The log of a run as far as it was read, every line of it verified. Read on, it grows by what others have appended; decisions
/// are appended by number, so that whoever appends one again finds it there.
/// </summary>
public sealed class EventLog(StoredRun run)
{
    private readonly List<LoggedEvent> _events = [];
    private string _previous = EventLine.NoPrevious;
    private long _length;

    /// <summary>All events of a run's log, in order.</summary>
    /// <param name="run">The run.</param>
    /// <param name="mayBeTorn">
    /// Whether a last line without its newline, which a writer that was killed leaves and nobody relied on, is passed over.
    /// </param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="BadInputException">
    /// A line is damaged, missing, swapped or foreign: names file, line and what is wrong.
    /// </exception>
    public static async Task<IReadOnlyList<LoggedEvent>> ReadAsync(
        StoredRun run, bool mayBeTorn = true, CancellationToken cancellation = default)
    {
        EventLog log = new(run);
        await log.ReadOnAsync(mayBeTorn, cancellation);
        return log.Events;
    }

    /// <summary>The events read so far.</summary>
    public IReadOnlyList<LoggedEvent> Events => _events;

    /// <summary>Reads what was appended since.</summary>
    /// <returns>The events that are new.</returns>
    /// <exception cref="BadInputException">As when it is read whole.</exception>
    public async Task<IReadOnlyList<LoggedEvent>> ReadOnAsync(bool mayBeTorn = true, CancellationToken cancellation = default)
    {
        int before = _events.Count, start = 0;
        byte[] bytes = await run.Store.ReadAsync(run.Log, _length, cancellation) ?? [];
        for (int length; (length = bytes.AsSpan(start).IndexOf((byte)'\n')) >= 0; start += length + 1)
        {
            ReadOnlySpan<byte> line = bytes.AsSpan(start, length);
            Took(ReadLine(line), line);
        }
        CheckRest(bytes.AsSpan(start), mayBeTorn);
        return _events[before..];
    }

    /// <summary>
    /// Appends a decision of a run that no process holds for itself. Of several that append at once all are kept, and one that is
    /// there already is not appended again.
    /// </summary>
    /// <param name="number">Its number among the decisions, from 0; events of the host are not counted.</param>
    /// <param name="decision">The decision.</param>
    /// <param name="time">When it was made.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="DivergedException">Another decision is there.</exception>
    public async Task AppendAsync(int number, RunEvent decision, DateTimeOffset time, CancellationToken cancellation = default)
    {
        await using ILogAppender appender = await run.Store.OpenLogAsync(run.Log, exclusive: false, cancellation: cancellation);
        do
        {
            await ReadOnAsync(cancellation: cancellation);
            (int Index, LoggedEvent Logged)[] decisions = [.. _events.Index().Where(each => each.Item.Event is not HostEvent)];
            if (number < decisions.Length)
            {
                (int index, LoggedEvent there) = decisions[number];
                if (!EventJson.Same(there.Event, decision))
                    throw new DivergedException(index, there.Event, decision);
                return;
            }
            if (number > decisions.Length)
                throw new BadInputException(run.LogAddress, null,
                    $"has {decisions.Length} decisions, so that decision {number} cannot be the next one");
        }
        while (await AppendAsync(appender, decision, time) is null);
    }

    /// <summary>Appends an event of the host to the log of a run that no process holds for itself.</summary>
    public async Task AppendAsync(HostEvent hostEvent, DateTimeOffset time, CancellationToken cancellation = default)
    {
        await using ILogAppender appender = await run.Store.OpenLogAsync(run.Log, exclusive: false, cancellation: cancellation);
        do
            await ReadOnAsync(cancellation: cancellation);
        while (await AppendAsync(appender, hostEvent, time) is null);
    }

    /// <summary>Appends an event after those read; null where someone else has appended in the meantime.</summary>
    internal async Task<LoggedEvent?> AppendAsync(ILogAppender appender, RunEvent runEvent, DateTimeOffset time)
    {
        byte[] line = EventLine.Write(run.Id, time, _previous, runEvent);
        if (!await appender.AppendAsync((byte[])[.. line, (byte)'\n'], _length))
            return null;
        LoggedEvent logged = new(time, runEvent);
        Took(logged, line);
        return logged;
    }

    private void Took(LoggedEvent logged, ReadOnlySpan<byte> line)
    {
        _events.Add(logged);
        _previous = Hashing.Sha256(line);
        _length += line.Length + 1;
    }

    private LoggedEvent ReadLine(ReadOnlySpan<byte> line)
    {
        try
        {
            return EventLine.Read(run.Id, line, _previous);
        }
        catch (FormatException error)
        {
            throw Damaged(error.Message);
        }
    }

    // A killed writer leaves the beginning of a line. A whole line followed by something else than a newline is damage.
    private void CheckRest(ReadOnlySpan<byte> rest, bool mayBeTorn)
    {
        if (rest.Length == 0)
            return;
        bool whole = false;
        try
        {
            EventLine.Read(run.Id, rest[..^1], _previous);
            whole = true;
        }
        catch (FormatException)
        {
        }
        if (whole || !mayBeTorn)
            throw Damaged("must end with a newline");
    }

    private BadInputException Damaged(string message) => new(run.LogAddress, $"line {_events.Count + 1}", message);
}
