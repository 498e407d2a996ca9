using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Api.Hosts;

/// <summary>What the store knows of a run when something is to be done with it.</summary>
/// <param name="Run">The run.</param>
/// <param name="Log">Its events; none where it was not begun.</param>
/// <param name="Order">What the embedded host was last asked to do with it; null where it never was.</param>
internal sealed record KnownRun(StoredRun Run, IReadOnlyList<LoggedEvent> Log, RunOrder? Order)
{
    /// <summary>The spec it was begun with; null where it was not begun.</summary>
    public RunSpec? Begun => (Log.FirstOrDefault()?.Event as RunStarted)?.Spec;

    /// <summary>How it ended; null while it has not.</summary>
    public RunCompleted? Completed => Log.Select(logged => logged.Event).OfType<RunCompleted>().FirstOrDefault();

    /// <summary>Whether its log says that it is over.</summary>
    public bool IsOver => Completed is not null;

    /// <summary>Whether someone asked for its end.</summary>
    public bool IsTerminated => Order is { Wish: RunWish.Terminate };

    public static async Task<KnownRun> ReadAsync(StoredRun run, CancellationToken cancellation) => new(
        run, await EventLog.ReadAsync(run, cancellation: cancellation), await RunOrder.ReadAsync(run, cancellation));

    /// <exception cref="RefusedException">Nothing more can become of it.</exception>
    public void RefuseIfOver()
    {
        if (Completed is { } completed)
            throw RefusedException.Conflict("run",
                $"`{Run.Id}` is over; it ended for the reason `{completed.Reason.ToString().ToLowerInvariant()}`");
        if (IsTerminated)
            throw RefusedException.Conflict("run", $"`{Run.Id}` was terminated");
    }

    /// <summary>The order for a run that was begun elsewhere: to go on as it was begun.</summary>
    public async Task<RunOrder> OrderOfLogAsync(CancellationToken cancellation) => new(
        Begun ?? throw RefusedException.NotFound("run", $"there is no run `{Run.Id}`"),
        await Run.OriginAsync(cancellation) ?? throw RefusedException.Conflict(
            "run", $"it is not known where the spec of `{Run.Id}` lies; go on with it by `pedigree run`"),
        RunWish.GoOn);
}
