using System.Diagnostics;
using Pedigree.Evaluation.Outside;
using Pedigree.Evaluation.Residents;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Activities;
using Pedigree.Workflow.Specs;

namespace Pedigree.Workflow;

/// <summary>Runs a spec here, one piece of work at a time, and takes up again what was interrupted.</summary>
public static class EmbeddedHost
{
    /// <summary>
    /// Begins a run, or goes on with it from its log; a finished one is returned as it is. Nothing is written before spec, tasks
    /// and models have been found right.
    /// </summary>
    /// <param name="spec">What to run.</param>
    /// <param name="store">The store; made where there is none.</param>
    /// <param name="runId">Id of the run.</param>
    /// <param name="progress">Told of work and events, recorded ones included.</param>
    /// <param name="cancellation">Suspends the run in good order: the same call takes it up again.</param>
    /// <param name="end">Ends the run for good, at once, with what it has.</param>
    /// <param name="reason">Why it was suspended, for the log; asked once it was.</param>
    /// <param name="device">Where children may be made that are not kept; null: this machine's GPU, if it has one.</param>
    /// <exception cref="BadInputException">Spec, models or store are not right, or another process writes the run.</exception>
    /// <exception cref="EvaluatorFailedException">
    /// The evaluator failed, however often it was tried: the run is suspended, and the same call goes on with it.
    /// </exception>
    /// <exception cref="OperationCanceledException">The run was suspended.</exception>
    public static async Task<RunRecord> RunAsync(
        SpecFile spec, IStore store, string runId, IProgress<RunProgress>? progress = null,
        CancellationToken cancellation = default,
        CancellationToken end = default, Func<string>? reason = null, ResidentModels? device = null)
    {
        StoredRun run = new(store, runId);
        using Activity? span = Telemetry.Source.StartActivity("run")?.AddTag("pedigree.run", runId);
        try
        {
            await using RunJournal journal = await RunJournal.OpenAsync(run, spec, progress, cancellation);
            foreach (RunEvent recorded in journal.History)
                progress?.Report(new EventProgress(recorded, Recorded: true));
            RefuseOtherSpec(run, journal.History, spec);
            // One that ends at once makes nothing from its models.
            if (!end.IsCancellationRequested)
                await AdmittedModels.CheckAsync(run, spec, journal.History.OfType<ModelAdmitted>(), cancellation);
            if (!journal.History.OfType<RunCompleted>().Any())
                await RunAsync(spec, run, journal, progress, cancellation, end, reason, device);
            return RunRecord.Of(run, journal.Events);
        }
        catch (InvalidSpecException error)
        {
            throw new BadInputException(spec.Path, error.Field, error.Reason);
        }
        catch (DivergedException error)
        {
            throw new BadInputException(run.LogAddress, $"line {error.Index + 1}",
                "was decided otherwise when it was recorded, so this run cannot go on with this version; "
                + $"begin another run ({error.Message})");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(store.Address, null,
                $"cannot be used ({error.Message}); make room or give the right to write, and run the same command again");
        }
        catch (WorkFailedException error)
        {
            // Of a child this is recorded and the run goes on; a model of the spec must be replaced.
            throw new BadInputException(spec.Path, "models", error.Message);
        }
    }

    private static async Task RunAsync(
        SpecFile spec, StoredRun run, RunJournal journal, IProgress<RunProgress>? progress, CancellationToken cancellation,
        CancellationToken end, Func<string>? reason, ResidentModels? device)
    {
        using EmbeddedActivities live = new(run, spec, journal, progress, cancellation, end, device);
        try
        {
            await EvolutionRun.RunAsync(spec.Spec, new RecordedActivities(journal.History, live));
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await live.FinishAsync();
            await journal.SuspendAsync(reason?.Invoke() ?? "cancelled");
            throw;
        }
        catch (EvaluatorFailedException failure)
        {
            await live.FinishAsync();
            await journal.SuspendAsync(failure.Message);
            throw;
        }
        finally
        {
            await live.FinishAsync();
        }
    }

    private static void RefuseOtherSpec(StoredRun run, IReadOnlyList<RunEvent> history, SpecFile spec)
    {
        if (history is [RunStarted started, ..] && SpecDifference.First(started.Spec, spec.Spec) is { } difference)
            throw new BadInputException(spec.Path, difference.Field,
                $"is {difference.Right}, but run {run.Id} was begun with {difference.Left}; restore it or choose another run id");
    }
}
