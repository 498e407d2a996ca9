using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// All that a run writes. A new run writes nothing until its base and models have been found right (<see cref="TakeUpAsync"/>):
/// until then what it has to write is kept and done then, in order.
/// </summary>
internal sealed class RunJournal : IAsyncDisposable
{
    private readonly StoredRun _run;
    private readonly SpecFile _spec;
    private readonly IProgress<RunProgress>? _progress;
    private readonly List<LoggedEvent> _events = [];
    private readonly List<LoggedEvent> _kept = [];
    private readonly SemaphoreSlim _lock = new(1);
    private RunWriter? _writer;
    private bool _takenUp;

    private RunJournal(StoredRun run, SpecFile spec, IProgress<RunProgress>? progress) =>
        (_run, _spec, _progress, Store) = (run, spec, progress, new(run.Store));

    /// <summary>
    /// Takes the lock of a run that goes on; leaves no trace of one that was not begun, and only reads one that was finished.
    /// </summary>
    public static async Task<RunJournal> OpenAsync(
        StoredRun run, SpecFile spec, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        RunJournal journal = new(run, spec, progress);
        if (await run.ExistsAsync(cancellation))
        {
            EventLog log = new(run);
            await log.ReadOnAsync(cancellation: cancellation);
            if (!log.Events.Any(logged => logged.Event is RunCompleted))
                journal._writer = await RunWriter.OpenAsync(run, log, journal.Wait, cancellation);
            journal._events.AddRange(log.Events);
            journal.History = [.. log.Events.Select(logged => logged.Event)];
        }
        return journal;
    }

    /// <summary>The events that were recorded before.</summary>
    public IReadOnlyList<RunEvent> History { get; private set; } = [];

    /// <summary>All events.</summary>
    public IReadOnlyList<LoggedEvent> Events => _events;

    /// <summary>Where the run's work writes.</summary>
    public HeldStore Store { get; }

    /// <summary>From here on the run writes: one that was not begun is begun, another is recorded as resumed.</summary>
    /// <exception cref="BadInputException">Another process has begun the run in the meantime.</exception>
    public async Task TakeUpAsync(CancellationToken cancellation)
    {
        await _lock.WaitAsync(cancellation);
        try
        {
            if (_takenUp)
                return;
            if (_writer is null)
            {
                _writer = await RunWriter.OpenAsync(_run, waiting: Wait, cancellation: cancellation);
                if (_writer.History.Count > 0)
                    throw new BadInputException(_run.LogAddress, null,
                        "was begun by another process just now; run the same command again");
            }
            await _run.WriteOriginAsync(_spec.Path, cancellation);
            await Store.LetGoAsync(cancellation);
            _takenUp = true;
            if (History.Count > 0)
                await RecordAsync(new RunResumed(History.Count), DateTimeOffset.UtcNow);
            foreach (LoggedEvent kept in _kept)
                await RecordAsync(kept.Event, kept.Time);
            _kept.Clear();
        }
        finally
        {
            _lock.Release();
        }
    }

    /// <summary>Appends an event, now or when the run is taken up.</summary>
    public async Task AppendAsync(RunEvent runEvent, CancellationToken cancellation)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        await _lock.WaitAsync(cancellation);
        try
        {
            if (_takenUp)
                await RecordAsync(runEvent, now);
            else
                _kept.Add(new(now, runEvent));
        }
        finally
        {
            _lock.Release();
        }
    }

    /// <summary>Records that the host went away, if there is a run to go on with.</summary>
    public async Task SuspendAsync(string reason)
    {
        if (_takenUp)
            await RecordAsync(new RunSuspended(reason), DateTimeOffset.UtcNow);
    }

    public async ValueTask DisposeAsync()
    {
        if (_writer is not null)
            await _writer.DisposeAsync();
        _lock.Dispose();
    }

    private void Wait(string reason) => _progress?.Report(new WaitProgress(reason));

    // Not cancelled: a line that is on its way is waited for.
    private async Task RecordAsync(RunEvent runEvent, DateTimeOffset time)
    {
        _events.Add(await _writer!.AppendAsync(runEvent, time));
        _progress?.Report(new EventProgress(runEvent, Recorded: false));
    }
}
