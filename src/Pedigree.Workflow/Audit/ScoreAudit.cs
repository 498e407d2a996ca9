using Pedigree.Evaluation.Residents;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Audit;

/// <summary>
/// Scores every model of a run again, makes every comparison again, and looks whether all comes out as recorded.
/// </summary>
internal static class ScoreAudit
{
    /// <exception cref="DifferenceException">The first score or comparison that comes out otherwise.</exception>
    /// <exception cref="BadInputException">
    /// A task cannot be loaded or has changed, or the evaluator is another: nothing could be compared.
    /// </exception>
    public static async Task VerifyAsync(
        StoredRun run,
        IReadOnlyList<RunEvent> events,
        string apart,
        IProgress<RunProgress>? progress,
        ResidentModels? device,
        CancellationToken cancellation)
    {
        RunState state = RunState.Of(events);
        string origin = await run.OriginAsync(cancellation) ?? throw new BadInputException(
            run.Store.AddressOf($"runs/{run.Id}"),
            "spec.json",
            "is missing: it says where the run's spec lies, from which its tasks are found");
        SpecFile spec = new(origin, Path.GetDirectoryName(origin)!, state.Spec!);
        foreach ((TaskSpec now, TaskSpec recorded) in spec.WithTasks().Spec.Tasks.Zip(state.Spec!.Tasks))
            if (now.Digest != recorded.Digest)
                throw new BadInputException(now.Data ?? now.Task, "task",
                    $"{now.Task} has changed since the run: its definition, rows or settings are others; put it back as it was");
        // Scores that are in the store are not looked at, and those made again are not written there.
        RunWork work = new(new HeldStore(run.Store, hidden: StoreNames.IsScore), spec, progress, apart, device);
        ModelReference Reference(string name) => new(name, state.Find(name).Digest);
        ModelReference[] founders = [.. state.Founders.Select(model => Reference(model.Name))];
        foreach (RunEvent recorded in events)
        {
            if (recorded is ModelEvaluated evaluated)
                Verify(run, evaluated, await work.EvaluateAsync(new EvaluationRequest(
                    Reference(evaluated.Name), state.Spec.Tasks,
                    evaluated.Partial is { } partial ? Reference(partial.Rival) : null,
                    evaluated.Partial is null ? null : founders), cancellation));
            else if (recorded is ModelsCompared compared)
                Verify(run, compared, await work.CompareAsync(new ComparisonRequest(
                    compared.Generation,
                    [.. New(compared).Select(Reference)],
                    [.. Rivals(compared).Select(Reference)],
                    state.Spec.Tasks), cancellation));
        }
    }

    private static IEnumerable<string> New(ModelsCompared compared) => compared.Comparisons.Select(made => made.First).Distinct();

    private static IEnumerable<string> Rivals(ModelsCompared compared) =>
        compared.Comparisons.Select(made => made.Second).Distinct().Except(New(compared));

    private static void Verify(StoredRun run, ModelEvaluated recorded, ModelScores again)
    {
        if (recorded.Evaluator is { } evaluator && again.Evaluator != evaluator)
            throw new BadInputException(run.LogAddress, recorded.Name,
                $"was scored by {evaluator}, which is {again.Evaluator} now; evaluate again where it is the same");
        if (recorded.Partial != again.Partial)
            throw new DifferenceException(run.LogAddress, recorded.Name,
                $"was given up after {recorded.Partial?.Asked} items, and after {again.Partial?.Asked} when evaluated again");
        foreach ((TaskScore score, TaskScore before) in again.Scores.Zip(recorded.Scores))
            if (score != before)
                throw new DifferenceException(run.LogAddress, recorded.Name, FormattableString.Invariant(
                    $"scores {score.Value} in {score.Task} when evaluated again; {before.Value} was recorded"));
    }

    private static void Verify(StoredRun run, ModelsCompared recorded, IReadOnlyList<ModelComparison> again)
    {
        if (recorded.Comparisons.Except(again).FirstOrDefault() is { } other)
            throw new DifferenceException(run.LogAddress, other.First, FormattableString.Invariant(
                $"compares otherwise with {other.Second} when compared again; p = {other.PValue} was recorded"));
    }
}
