using Pedigree.Evaluation.Residents;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Activities;
using Pedigree.Workflow.Audit;

namespace Pedigree.Workflow;

/// <summary>Decides a recorded run again and compares. Changes nothing.</summary>
public static class Auditor
{
    /// <summary>
    /// Verifies the log, decides everything again from it, and verifies every checkpoint of the run.
    /// </summary>
    /// <param name="store">The store.</param>
    /// <param name="runId">Id of the run.</param>
    /// <param name="remerge">
    /// Whether every child is made again, in the store's work folder, all kinship measured again, and both compared.
    /// </param>
    /// <param name="reevaluate">Whether every model is evaluated again and its scores compared.</param>
    /// <param name="progress">Told of the work.</param>
    /// <param name="cancellation">Ends the audit.</param>
    /// <param name="device">Where children are made again that a GPU has made; null: this machine's GPU, if it has one.</param>
    /// <exception cref="BadInputException">
    /// There is no such run; or what is needed to make or evaluate it again is not there, such as room on the
    /// disk, a task's file or a GPU.
    /// </exception>
    public static async Task<ReplayResult> ReplayAsync(
        IStore store, string runId, bool remerge = false, bool reevaluate = false,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default, ResidentModels? device = null)
    {
        StoredRun run = await Runs.ExistingAsync(store, runId, cancellation);
        try
        {
            return await Task.Run(() => ReplayAsync(run, remerge, reevaluate, progress, device, cancellation), cancellation);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UnavailableException(
                store.Address, null, $"cannot be used ({error.Message}); make room or give the right to "
                    + "read and write, and run the same command again", error);
        }
    }

    /// <summary>Decides a recorded run again.</summary>
    /// <returns>The first difference; null where every decision is the recorded one.</returns>
    public static async Task<string?> DecideAgainAsync(IReadOnlyList<RunEvent> events)
    {
        if (events is not [RunStarted started, ..])
            return "line 1: the log does not begin with the start of a run";
        RecordedActivities recorded = new(events);
        try
        {
            await EvolutionRun.RunAsync(started.Spec, recorded);
            return recorded.Replayed == events.Count ? null
                : $"line {recorded.Replayed + 1}: something was recorded after the run was completed";
        }
        catch (DivergedException difference)
        {
            return $"line {difference.Index + 1}: {difference.Message}";
        }
        catch (Exception error)
        {
            // Whatever a log that was made up leads to.
            return $"line {Math.Min(recorded.Replayed + 1, events.Count)}: {error.Message}";
        }
    }

    private static async Task<ReplayResult> ReplayAsync(
        StoredRun run,
        bool remerge,
        bool reevaluate,
        IProgress<RunProgress>? progress,
        ResidentModels? device,
        CancellationToken cancellation)
    {
        IReadOnlyList<RunEvent> events = [];
        try
        {
            // Here whatever is not right is what the audit looks for.
            events = [.. (await EventLog.ReadAsync(run, mayBeTorn: false, cancellation)).Select(logged => logged.Event)];
            if (await DecideAgainAsync(events) is { } difference)
                throw new BadInputException(run.LogAddress, null, difference);
            await CheckpointAudit.VerifyAsync(run.Store, events, progress, cancellation);
        }
        catch (Exception difference) when (difference is BadInputException and not UnavailableException
            or ArgumentException and not ArgumentOutOfRangeException)
        {
            // The latter where a log that was made up calls something a digest that is none.
            return new(run.Id, events.Count, false, difference.Message);
        }
        return remerge || reevaluate
            ? await MakeAgainAsync(run, events, remerge, reevaluate, progress, device, cancellation)
            : new(run.Id, events.Count, true, null);
    }

    private static async Task<ReplayResult> MakeAgainAsync(
        StoredRun run, IReadOnlyList<RunEvent> events, bool remerge, bool reevaluate, IProgress<RunProgress>? progress,
        ResidentModels? device,
        CancellationToken cancellation)
    {
        using WorkFolder apart = run.Store.CreateWorkFolder();
        Models models = new(run.Store, apart.Path, device);
        try
        {
            if (remerge)
            {
                // Children first: kinship is measured of those that came out as recorded.
                await MergeAudit.VerifyAsync(run, events, models, progress, cancellation);
                await KinshipAudit.VerifyAsync(run, events, models, progress, cancellation);
            }
            if (reevaluate)
                await ScoreAudit.VerifyAsync(run, events, apart.Path, progress, device, cancellation);
            return new(run.Id, events.Count, true, null);
        }
        catch (DifferenceException difference)
        {
            return new(run.Id, events.Count, false, difference.Message);
        }
        catch (WorkFailedException error)
        {
            throw new BadInputException(
                run.LogAddress, null, $"what it tells of cannot be made again here: {error.Message}", error);
        }
    }
}
