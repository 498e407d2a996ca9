using Pedigree.Evolution;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>
/// The one writer of a run: keeps others away until it is disposed, or its process dies, and appends to the run's log.
/// </summary>
public sealed class RunWriter : IAsyncDisposable
{
    private readonly StoredRun _run;
    private readonly EventLog _log;
    private readonly ILogAppender _appender;

    private RunWriter(StoredRun run, EventLog log, ILogAppender appender) =>
        (_run, _log, _appender, History) = (run, log, appender, [.. log.Events]);

    /// <summary>
    /// The events that were there when the log was opened; a torn last line is passed over and goes with the next append.
    /// </summary>
    public IReadOnlyList<LoggedEvent> History { get; }

    /// <summary>Takes the right to write the run and verifies its log.</summary>
    /// <param name="run">The run.</param>
    /// <param name="read">Its log as far as it was read before; null: it was not.</param>
    /// <param name="waiting">Told why, where it must first be waited for a writer that may have died.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="BadInputException">Another process writes the run, or the log is damaged.</exception>
    public static async Task<RunWriter> OpenAsync(
        StoredRun run, EventLog? read = null, Action<string>? waiting = null, CancellationToken cancellation = default)
    {
        ILogAppender appender = await run.Store.OpenLogAsync(run.Log, exclusive: true, waiting, cancellation);
        try
        {
            EventLog log = read ?? new(run);
            await log.ReadOnAsync(cancellation: cancellation);
            return new(run, log, appender);
        }
        catch
        {
            await appender.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Adds an event; it is kept for good when this returns. After an error of a folder the log is as it was before.
    /// </summary>
    /// <exception cref="BadInputException">There is no room, or another process has written in the meantime.</exception>
    public async Task<LoggedEvent> AppendAsync(RunEvent runEvent, DateTimeOffset time) =>
        await _log.AppendAsync(_appender, runEvent, time) ?? throw Refused(_run.LogAddress, _run.Id);

    /// <summary>Lets others write.</summary>
    public ValueTask DisposeAsync() => _appender.DisposeAsync();

    internal static RunHeldException Refused(string address, string run) => new(address, run);
}

/// <summary>Another process writes the run.</summary>
public sealed class RunHeldException(string address, string run)
    : BadInputException(address, null, $"run {run} is being written by another process; wait for it, or choose another run id");
