using DurableTask.Core.Exceptions;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Pedigree.Api;
using Pedigree.Api.Hosts;
using Pedigree.Evolution;
using Pedigree.Functions.Http;
using Pedigree.Functions.Orchestration;
using Pedigree.Storage;
using Pedigree.Workflow;
using RunOrder = Pedigree.Functions.Orchestration.RunOrder;

namespace Pedigree.Functions;

/// <summary>Runs as durable orchestrations, each of its run's id.</summary>
internal sealed class DurableRuns(IStore store, DurableClientOfRequest request) : IRunHost
{
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(20);

    private DurableTaskClient Client => request.Client;

    public async Task StartAsync(string run, SpecFile spec, CancellationToken cancellation)
    {
        OrchestrationMetadata? instance = await InstanceAsync(run, cancellation);
        IReadOnlyList<RunEvent> log = await EventsAsync(run, cancellation);
        RunSpec? begun = (log.FirstOrDefault() as RunStarted)?.Spec ?? (instance is null ? null : OrderOf(instance).Spec);
        RefusedException.ThrowIfOther(run, begun, spec.Spec);
        if (IsOver(log) || instance is not (null or
            { RuntimeStatus: OrchestrationRuntimeStatus.Failed or OrchestrationRuntimeStatus.Terminated }))
            return;
        try
        {
            await ScheduleAsync(new(run, spec.Path, spec.Spec), cancellation);
        }
        catch (OrchestrationAlreadyExistsException)
        {
            // Someone else has begun it in the meantime.
        }
        // Of two that begin a run at once, the one whose orchestration it is not is told.
        RefusedException.ThrowIfOther(
            run, await InstanceAsync(run, cancellation) is { } begunNow ? OrderOf(begunNow).Spec : null, spec.Spec);
    }

    public async Task<HostedRun?> FindAsync(string run, CancellationToken cancellation)
    {
        if (await InstanceAsync(run, cancellation) is not { } instance)
            return null;
        Progress progress = instance.ReadCustomStatusAs<string>() is { } status ? Wire.Read<Progress>(status) : new();
        return new(StatusOf(instance),
            progress.Error is { } error ? new(error.Field, $"{error.File}: {error.Reason}") : null,
            progress.Running is [string work, ..] && work.Split(' ', 2) is [string activity, string name]
                ? new(activity.ToLowerInvariant(), name, 0) : null);
    }

    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellation)
    {
        List<string> runs = [];
        await foreach (OrchestrationMetadata instance in Client.GetAllInstancesAsync(new OrchestrationQuery())
            .WithCancellation(cancellation))
            runs.Add(instance.InstanceId);
        return runs;
    }

    public async Task SuspendAsync(string run, string? reason, CancellationToken cancellation)
    {
        await RefuseIfOverAsync(run, cancellation);
        if (await InstanceAsync(run, cancellation) is not { } instance
            || StatusOf(instance) is not (RunStatus.Pending or RunStatus.Running or RunStatus.Suspended))
            throw RefusedException.Conflict("run", $"`{run}` is not running here, so that it cannot be interrupted");
        if (StatusOf(instance) == RunStatus.Suspended)
            return;
        await Client.SuspendInstanceAsync(run, reason, cancellation);
        await AppendAsync(run, _ => new RunSuspended(reason ?? "asked for"), cancellation);
    }

    public async Task ResumeAsync(string run, string? reason, CancellationToken cancellation)
    {
        await RefuseIfOverAsync(run, cancellation);
        OrchestrationMetadata? instance = await InstanceAsync(run, cancellation);
        switch (instance is null ? (RunStatus?)null : StatusOf(instance))
        {
            case RunStatus.Pending or RunStatus.Running:
                return;
            case RunStatus.Suspended:
                await Client.ResumeInstanceAsync(run, reason, cancellation);
                break;
            default:
                await ScheduleAsync(await OrderOfAsync(run, instance, cancellation), cancellation);
                break;
        }
        await AppendAsync(run, events => new RunResumed(events), cancellation);
    }

    public async Task TerminateAsync(string run, string? reason, CancellationToken cancellation)
    {
        OrchestrationMetadata? instance = await InstanceAsync(run, cancellation);
        RunStatus? status = instance is null ? null : StatusOf(instance);
        if (status == RunStatus.Terminated)
            return;
        await RefuseIfOverAsync(run, cancellation);
        if (status is not (RunStatus.Pending or RunStatus.Running or RunStatus.Suspended))
        {
            await ScheduleAsync((await OrderOfAsync(run, instance, cancellation)) with { End = true }, cancellation);
            return;
        }
        await Client.RaiseEventAsync(run, EvolveOrchestrator.EndEvent, reason, cancellation);
        if (status == RunStatus.Suspended)
            await Client.ResumeInstanceAsync(run, reason, cancellation);
    }

    public async Task PurgeAsync(string run, CancellationToken cancellation)
    {
        if (await InstanceAsync(run, cancellation) is not { } instance)
            return;
        if (StatusOf(instance) is not (RunStatus.Completed or RunStatus.Terminated))
        {
            if (!IsOver(await EventsAsync(run, cancellation)))
                throw RefusedException.Conflict("run", $"`{run}` is not over; terminate it first");
            await EndAsync(run, cancellation);
        }
        await Client.PurgeInstanceAsync(run, cancellation);
    }

    /// <summary>
    /// Ends an orchestration that has decided all: its report may still be written, but what nobody takes from it is given up.
    /// </summary>
    private async Task EndAsync(string run, CancellationToken cancellation)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(Rest);
        try
        {
            await Client.WaitForInstanceCompletionAsync(run, late.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            await Client.TerminateInstanceAsync(run, cancellation);
            await Client.WaitForInstanceCompletionAsync(run, cancellation);
        }
    }

    private Task ScheduleAsync(RunOrder order, CancellationToken cancellation) => Client.ScheduleNewOrchestrationInstanceAsync(
        EvolveOrchestrator.Name, Wire.Write(order), new StartOrchestrationOptions(order.Run), cancellation);

    private Task<OrchestrationMetadata?> InstanceAsync(string run, CancellationToken cancellation) =>
        Client.GetInstanceAsync(run, getInputsAndOutputs: true, cancellation);

    private static RunOrder OrderOf(OrchestrationMetadata instance) => Wire.Read<RunOrder>(instance.ReadInputAs<string>()!);

    /// <summary>The order for a run that this host was not asked for, or has forgotten: to go on as it was begun.</summary>
    private async Task<RunOrder> OrderOfAsync(string run, OrchestrationMetadata? instance, CancellationToken cancellation)
    {
        if (instance is not null)
            return OrderOf(instance) with { End = false };
        return await EventsAsync(run, cancellation) is [RunStarted started, ..]
            && await new StoredRun(store, run).OriginAsync(cancellation) is { } origin
            ? new(run, origin, started.Spec)
            : throw RefusedException.NotFound("run", $"there is no run `{run}`");
    }

    private async Task RefuseIfOverAsync(string run, CancellationToken cancellation)
    {
        if (IsOver(await EventsAsync(run, cancellation)))
            throw RefusedException.Conflict("run", $"`{run}` is over");
    }

    private async Task<IReadOnlyList<RunEvent>> EventsAsync(string run, CancellationToken cancellation) =>
        [.. (await EventLog.ReadAsync(new(store, run), cancellation: cancellation)).Select(logged => logged.Event)];

    /// <summary>Adds an event of the host to a run that has begun and is not over.</summary>
    private async Task AppendAsync(string run, Func<int, HostEvent> hostEvent, CancellationToken cancellation)
    {
        IReadOnlyList<RunEvent> events = await EventsAsync(run, cancellation);
        if (events.Count > 0 && !IsOver(events))
            await new EventLog(new(store, run)).AppendAsync(hostEvent(events.Count), DateTimeOffset.UtcNow, cancellation);
    }

    private static bool IsOver(IReadOnlyList<RunEvent> log) => log.Any(logged => logged is RunCompleted);

    private static RunStatus StatusOf(OrchestrationMetadata instance) => instance.RuntimeStatus switch
    {
        OrchestrationRuntimeStatus.Pending => RunStatus.Pending,
        OrchestrationRuntimeStatus.Suspended => RunStatus.Suspended,
        OrchestrationRuntimeStatus.Failed => RunStatus.Failed,
        OrchestrationRuntimeStatus.Terminated => RunStatus.Terminated,
        OrchestrationRuntimeStatus.Completed when instance.ReadOutputAs<string>() == nameof(StopReason.Told) =>
            RunStatus.Terminated,
        OrchestrationRuntimeStatus.Completed => RunStatus.Completed,
        _ => RunStatus.Running,
    };
}
