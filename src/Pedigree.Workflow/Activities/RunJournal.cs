using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// All that a run writes. A new run writes nothing until its base and models have been found right (<see cref="TakeUp"/>): until
/// then what it has to write is kept and done then, in order.
/// </summary>
internal sealed class RunJournal : IDisposable
{
    private readonly RunFolder _folder;
    private readonly SpecFile _spec;
    private readonly IProgress<RunProgress>? _progress;
    private readonly List<LoggedEvent> _events = [];
    private readonly List<Action> _kept = [];
    private readonly Lock _lock = new();
    private RunWriter? _writer;
    private bool _takenUp;

    /// <summary>Takes the lock of a run that was begun; leaves no trace of one that was not.</summary>
    public RunJournal(RunFolder folder, SpecFile spec, IProgress<RunProgress>? progress)
    {
        (_folder, _spec, _progress) = (folder, spec, progress);
        if (!folder.Exists)
            return;
        _writer = RunWriter.Open(folder);
        _events.AddRange(_writer.History);
        History = [.. _events.Select(logged => logged.Event)];
    }

    /// <summary>The events that were recorded before.</summary>
    public IReadOnlyList<RunEvent> History { get; } = [];

    /// <summary>All events.</summary>
    public IReadOnlyList<LoggedEvent> Events => _events;

    /// <summary>Where half-made things are put.</summary>
    public string Temporary => _folder.Temporary;

    /// <summary>From here on the run writes: one that was not begun is begun, another is recorded as resumed.</summary>
    /// <exception cref="BadInputException">Another process has begun the run in the meantime.</exception>
    public void TakeUp()
    {
        lock (_lock)
        {
            if (_takenUp)
                return;
            _takenUp = true;
            if (_writer is null)
            {
                _writer = RunWriter.Open(_folder);
                if (_writer.History.Count > 0)
                    throw new BadInputException(_folder.Path, null, "was begun by another process just now; run the same command again");
            }
            _folder.WriteOrigin(_spec.Path);
            if (History.Count > 0)
                Record(new RunResumed(History.Count), DateTimeOffset.UtcNow);
            foreach (Action write in _kept)
                write();
            _kept.Clear();
        }
    }

    /// <summary>Writes something, now or when the run is taken up; work and the run itself may do so at once.</summary>
    public void Write(Action write)
    {
        lock (_lock)
        {
            if (_takenUp)
                write();
            else
                _kept.Add(write);
        }
    }

    /// <summary>Appends an event, now or when the run is taken up.</summary>
    public void Append(RunEvent runEvent)
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;
        Write(() => Record(runEvent, now));
    }

    /// <summary>Records that the host went away, if there is a run to go on with.</summary>
    public void Suspend(string reason)
    {
        if (_takenUp && _writer is not null)
            Record(new RunSuspended(reason), DateTimeOffset.UtcNow);
    }

    public void Dispose() => _writer?.Dispose();

    private void Record(RunEvent runEvent, DateTimeOffset time)
    {
        _events.Add(_writer!.Append(runEvent, time));
        _progress?.Report(new EventProgress(runEvent, Recorded: false));
    }
}
