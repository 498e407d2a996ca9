using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow;

namespace Pedigree.Api.Hosts;

/// <summary>
/// Runs in this process, a few at a time, the others waiting their turn. Accepted runs that are not finished are taken up again
/// when the process starts; when it ends in good order they are suspended.
/// </summary>
internal sealed class EmbeddedRuns(IStore store, Workers workers, RunPublishing publishing, ILogger<EmbeddedRuns> logger)
    : IRunHost, IHostedService
{
    private readonly ConcurrentDictionary<string, LiveRun> _live = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _oneOrder = new(1);

    public Task StartAsync(string run, SpecFile spec, CancellationToken cancellation) => OrderAsync(run, async known =>
    {
        RefusedException.ThrowIfOther(run, known.Order?.Spec ?? known.Begun, spec.Spec);
        if (known is { IsTerminated: true, IsOver: false })
            throw RefusedException.Conflict("run", $"`{run}` was terminated; DELETE its history, or choose another run id");
        if (known.IsOver || known.Order is { Wish: not RunWish.GoOn })
            return;
        TakeUp(known.Run, known.Order ?? await OrderAsync(known, spec, RunWish.GoOn, cancellation));
    }, cancellation);

    public async Task<HostedRun?> FindAsync(string run, CancellationToken cancellation)
    {
        if (_live.TryGetValue(run, out LiveRun? live))
            return live.Seen;
        return await RunOrder.ReadAsync(new(store, run), cancellation) is { } order ? new(order.Wish switch
        {
            RunWish.Suspend => RunStatus.Suspended,
            RunWish.Terminate => RunStatus.Terminated,
            _ => RunStatus.Pending,
        }) : null;
    }

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellation) =>
        [.. (await store.ListAsync("runs", RunOrder.FileName, cancellation)).Where(StoreNames.IsRun)];

    public Task SuspendAsync(string run, string? reason, CancellationToken cancellation) => OrderAsync(run, async known =>
    {
        known.RefuseIfOver();
        if (known.Order is null)
            throw RefusedException.Conflict("run", $"`{run}` is not run by this server: whoever runs it can interrupt it");
        await (known.Order with { Wish = RunWish.Suspend }).WriteAsync(known.Run, cancellation);
        if (!_live.TryGetValue(run, out LiveRun? live))
            return;
        live.Suspend(reason ?? "asked for");
        if (live.HasStopped)
            _live.TryRemove(KeyValuePair.Create(run, live));
    }, cancellation);

    public Task ResumeAsync(string run, string? reason, CancellationToken cancellation) => OrderAsync(run, async known =>
    {
        known.RefuseIfOver();
        TakeUp(known.Run, await OrderAsync(known, null, RunWish.GoOn, cancellation));
    }, cancellation);

    public Task TerminateAsync(string run, string? reason, CancellationToken cancellation) => OrderAsync(run, async known =>
    {
        if (known.Order is { Wish: RunWish.Terminate })
            return;
        known.RefuseIfOver();
        TakeUp(known.Run, await OrderAsync(known, null, RunWish.Terminate, cancellation));
    }, cancellation);

    // Of a run that is over nothing is kept beside the log but what it was asked to do.
    public Task PurgeAsync(string run, CancellationToken cancellation) => OrderAsync(run, async known =>
    {
        if (!known.IsOver && !known.IsTerminated)
            throw RefusedException.Conflict("run", $"`{run}` is not over; terminate it first");
        if (_live.TryGetValue(run, out LiveRun? live))
            await live.Over.WaitAsync(cancellation);
        await RunOrder.RemoveAsync(known.Run, cancellation);
        _live.TryRemove(run, out _);
    }, cancellation);

    /// <summary>Takes up every accepted run that is not finished.</summary>
    /// <exception cref="UnavailableException">The store cannot be written: no run could be accepted.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        await Store.TryAsync(store, cancellation);
        foreach (string run in await ListAsync(cancellation))
        {
            publishing.Follow(new(store, run));
            try
            {
                await OrderAsync(run, known =>
                {
                    if (!known.IsOver && known.Order is { Wish: not RunWish.Suspend } order)
                        TakeUp(known.Run, order);
                    return Task.CompletedTask;
                }, cancellation);
            }
            catch (BadInputException error)
            {
                logger.LogError("Run {Run} is not taken up: {Error}", run, error.Message);
            }
        }
    }

    /// <summary>Suspends what is being run, and waits until it is.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        foreach (LiveRun live in _live.Values)
            live.Suspend("the server ended");
        await Task.WhenAll(_live.Values.Select(live => live.Over)).WaitAsync(cancellation);
    }

    /// <summary>Carries out one order at a time, on what is known of the run then.</summary>
    private async Task OrderAsync(string run, Func<KnownRun, Task> carryOut, CancellationToken cancellation)
    {
        StoredRun stored = new(store, run);
        await _oneOrder.WaitAsync(cancellation);
        try
        {
            await carryOut(await KnownRun.ReadAsync(stored, cancellation));
        }
        finally
        {
            _oneOrder.Release();
        }
    }

    /// <summary>Keeps a wish, of a run that was never asked for here with the spec that it was begun with.</summary>
    private static async Task<RunOrder> OrderAsync(KnownRun known, SpecFile? spec, RunWish wish, CancellationToken cancellation)
    {
        RunOrder order = known.Order
            ?? (spec is null ? await known.OrderOfLogAsync(cancellation) : new(spec.Spec, spec.Path, wish));
        order = order with { Wish = wish };
        await order.WriteAsync(known.Run, cancellation);
        return order;
    }

    /// <summary>Takes the run into this process's hand, where it is not or is on its way out, to go on or to end.</summary>
    private void TakeUp(StoredRun run, RunOrder order)
    {
        LiveRun? before = _live.GetValueOrDefault(run.Id);
        bool isLive = before is { HasStopped: false, Suspended.IsCancellationRequested: false };
        LiveRun live = isLive ? before! : new();
        // Before its work begins: a run that is to end needs nothing but its log.
        if (order.Wish == RunWish.Terminate)
            live.End();
        if (isLive)
            return;
        _live[run.Id] = live;
        publishing.Follow(run);
        live.Over = Task.Run(async () =>
        {
            await (before?.Over ?? Task.CompletedTask);
            await CarryOutAsync(run, order.SpecFile, live);
            if (!live.HasStopped)
                _live.TryRemove(KeyValuePair.Create(run.Id, live));
        });
    }

    private async Task CarryOutAsync(StoredRun run, SpecFile spec, LiveRun live)
    {
        try
        {
            using IDisposable? place = await workers.PlaceAsync(live.Suspended, live.Ended);
            live.Begin();
            RunRecord record = await EmbeddedHost.RunAsync(
                spec, store, run.Id, live, live.Suspended, live.Ended, () => live.Reason);
            if (record.Log.Count > 0)
                await record.WriteReportAsync();
        }
        catch (OperationCanceledException) when (live.Suspended.IsCancellationRequested)
        {
        }
        catch (RunHeldException)
        {
            // Whoever writes it does the work: another server of this store, or `pedigree run`.
            live.Leave();
        }
        catch (BadInputException wrong)
        {
            logger.LogError("Run {Run} has failed: {Error}", run.Id, wrong.Message);
            live.Fail(new(wrong.Field, wrong.File == spec.Path ? wrong.Reason : $"{wrong.File}: {wrong.Reason}"));
        }
        catch (Exception error)
        {
            logger.LogError(error, "Run {Run} has failed", run.Id);
            live.Fail(new(null, error.Message));
        }
    }
}
