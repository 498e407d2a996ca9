using Pedigree.Workflow;

namespace Pedigree.Api.Hosts;

/// <summary>A run that this process has in hand, or has failed with.</summary>
internal sealed class LiveRun : IProgress<RunProgress>
{
    private readonly CancellationTokenSource _suspend = new();
    private readonly CancellationTokenSource _end = new();
    private volatile HostedRun _seen = new(RunStatus.Pending);

    /// <summary>How it stands.</summary>
    public HostedRun Seen => _seen;

    /// <summary>Done once this process does nothing more with it.</summary>
    public Task Over { get; set; } = Task.CompletedTask;

    /// <summary>Cancelled when work is to stop for now.</summary>
    public CancellationToken Suspended => _suspend.Token;

    /// <summary>Cancelled when the run is to end for good.</summary>
    public CancellationToken Ended => _end.Token;

    /// <summary>Why it was suspended.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>Whether nothing more is done with it until someone asks: it has failed, or another process has it.</summary>
    public bool HasStopped => _seen.Status is RunStatus.Failed or RunStatus.Unattended;

    public void Suspend(string reason)
    {
        if (_suspend.IsCancellationRequested)
            return;
        Reason = reason;
        _suspend.Cancel();
    }

    public void End() => _end.Cancel();

    public void Begin() => _seen = new(RunStatus.Running);

    public void Leave() => _seen = new(RunStatus.Unattended);

    public void Fail(RunError error) => _seen = new(RunStatus.Failed, error);

    public void Report(RunProgress value) =>
        _seen = new(RunStatus.Running, Doing: value is WorkProgress { Fraction: < 1 } work ? work : null);
}
