using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pedigree.Storage;
using Pedigree.Workflow.Publishing;

namespace Pedigree.Api.Hosts;

/// <summary>
/// Publishes the events of the runs that this process was asked to do something with, each run by itself, until the process ends.
/// </summary>
/// <param name="target">Where to; null for nowhere.</param>
/// <param name="logger">Told what could not be delivered.</param>
internal sealed class RunPublishing(EventTarget? target, ILogger<RunPublishing> logger) : IHostedService
{
    private readonly Dictionary<string, Task> _following = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _over = new();
    private readonly CancellationTokenSource _late = new();

    /// <summary>Publishes what the run's log holds and what will be appended, unless that is being done.</summary>
    public void Follow(StoredRun run)
    {
        if (target is null)
            return;
        lock (_lock)
            if (!_following.TryGetValue(run.Id, out Task? following) || following.IsCompleted)
                _following[run.Id] = Task.Run(() => FollowAsync(run, target));
    }

    public Task StartAsync(CancellationToken cancellation) => Task.CompletedTask;

    /// <summary>Gives what is left some time.</summary>
    public Task StopAsync(CancellationToken cancellation)
    {
        _over.Cancel();
        _late.CancelAfter(EventPublisher.Grace);
        lock (_lock)
            return Task.WhenAll(_following.Values).WaitAsync(cancellation);
    }

    private async Task FollowAsync(StoredRun run, EventTarget where)
    {
        if ((await EventPublisher.FollowAsync(run, where, _over.Token, _late.Token)).Warning is { } warning)
            logger.LogWarning("Run {Run}: {Warning}; a server that is started again delivers the rest", run.Id, warning);
    }
}
