using Microsoft.Azure.Functions.Worker;
using Pedigree.Evolution;
using Pedigree.Functions.Orchestration;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow;

namespace Pedigree.Functions.Activities;

/// <summary>
/// The log of a run, which is its memory: read when its orchestration begins anew, written before anything is done.
/// </summary>
public sealed class LogActivities(IStore store, Settings settings)
{
    /// <summary>The events of a run; none where it has not begun.</summary>
    [Function(nameof(ReadLog))]
    public async Task<string> ReadLog([ActivityTrigger] string run, CancellationToken cancellation) =>
        Wire.WriteEvents((await EventLog.ReadAsync(new(store, run), cancellation: cancellation)).Select(logged => logged.Event));

    /// <summary>Adds decisions that are not there yet.</summary>
    /// <returns>Whether events are published.</returns>
    [Function(nameof(Append))]
    public Task<string> Append([ActivityTrigger] string decisions, CancellationToken cancellation)
    {
        Decisions added = Wire.Read<Decisions>(decisions);
        return Outcomes.OfAsync(async () =>
        {
            try
            {
                StoredRun run = new(store, added.Order.Run);
                await run.WriteOriginAsync(added.Order.Origin, cancellation);
                EventLog log = new(run);
                foreach ((int offset, RunEvent decision) in Wire.ReadEvents(added.Events).Index())
                    await log.AppendAsync(added.First + offset, decision, DateTimeOffset.UtcNow, cancellation);
                return settings.Events is not null;
            }
            catch (DivergedException error)
            {
                throw new BadInputException(added.Order.Run, $"line {error.Index + 1}",
                    $"was decided otherwise when it was recorded, so this run cannot go on with this version; "
                    + $"begin another run ({error.Message})");
            }
        });
    }

    /// <summary>Records that a run cannot go on for now.</summary>
    [Function(nameof(RecordSuspension))]
    public Task RecordSuspension([ActivityTrigger] string suspension, CancellationToken cancellation)
    {
        Suspension suspended = Wire.Read<Suspension>(suspension);
        return new EventLog(new(store, suspended.Run)).AppendAsync(
            new RunSuspended(suspended.Reason), DateTimeOffset.UtcNow, cancellation);
    }

    /// <summary>Whether someone asked the run to end after its generation.</summary>
    [Function(nameof(StopRequested))]
    public Task<bool> StopRequested([ActivityTrigger] string run, CancellationToken cancellation) =>
        new StoredRun(store, run).StopRequestedAsync(cancellation);

    /// <summary>Writes the page for people.</summary>
    [Function(nameof(WriteReport))]
    public async Task WriteReport([ActivityTrigger] string run)
    {
        if (await Runs.LoadAsync(store, run) is { Log.Count: > 0 } record)
            await record.WriteReportAsync();
    }
}
