using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Pedigree.Evolution.Strategies;

namespace Pedigree.Evolution;

/// <summary>
/// The run itself (paper, Algorithm 1), deterministic: no clock, no chance, no I/O and no await but through
/// <see cref="IActivities"/>, so that a host can replay it from what it recorded.
/// </summary>
public static class EvolutionRun
{
    /// <summary>Runs from the first event to the last, or to the end of a generation after which it is to pause.</summary>
    /// <returns>What is known by then; <see cref="RunState.Completed"/> is null where the run paused.</returns>
    /// <exception cref="InvalidSpecException">The spec, or the models it names, cannot be run.</exception>
    public static async Task<RunState> RunAsync(RunSpec spec, IActivities activities)
    {
        SpecRules.Check(spec);
        Recorder run = new(activities);
        await run.Record(new RunStarted(spec));
        StopReason? reason;
        try
        {
            reason = await EvolveAsync(run, spec, activities);
        }
        catch (ToldToStopException)
        {
            reason = StopReason.Told;
        }
        if (reason is null)
            return run.State;
        Best? best = run.State.Population is [Model first, ..] ? new(first.Name, first.Average!.Value) : null;
        await run.Record(new RunCompleted(reason.Value, best));
        return run.State;
    }

    // Null where the run is to pause.
    private static async Task<StopReason?> EvolveAsync(Recorder run, RunSpec spec, IActivities activities)
    {
        await AdmitAsync(run, spec, activities);
        await CompleteGenerationAsync(run, 0, []);

        StopReason? reason = StopRules.Check(run.State);
        while (reason is null)
        {
            int generation = run.State.NextGeneration;
            Selection selection = Strategy.Choose(run.State);
            if (selection.Pairs.Count == 0)
                return StopReason.Converged;
            await run.Record(new ParentsSelected(generation, selection.Pairs, selection.PassedOver,
                spec.Significance is null ? null : TopK.Decisive(run.State, generation - 1)));
            List<string> children = await MergeAsync(run, generation, selection.Pairs, activities);
            await MeasureAsync(run, children, activities);
            List<double> gains = await EvaluateAsync(run, children, activities);
            await CompareAsync(run, generation, children, activities);
            await CompleteGenerationAsync(run, generation, gains);
            if (spec.Keep != Keep.All)
                await activities.KeepAsync(new(
                    [.. Keeping.Kept(run.State).Select(Reference)], [.. Keeping.Removable(run.State).Select(Reference)]));
            reason = StopRules.Check(run.State);
            if (reason is null && await activities.ContinueAsync(generation) is not Continuation.GoOn and var next)
                return next == Continuation.End ? StopReason.Told : null;
        }
        return reason;
    }

    private static async Task AdmitAsync(Recorder run, RunSpec spec, IActivities activities)
    {
        ModelSource[] sources = [new(RunState.BaseName, spec.Base), .. spec.Models];
        foreach (Task<ModelAdmitted> admitting in sources.Select(activities.AdmitAsync).ToList())
            await run.Record(await admitting);
        SpecRules.CheckAdmitted(run.State);
        string[] names = [.. spec.Models.Select(model => model.Name)];
        await MeasureAsync(run, names, activities);
        SpecRules.CheckKinship(run.State);
        List<(string Name, Task<ModelScores> Scores)> evaluating =
            [.. sources.Select(source => (source.Name, Evaluate(run, source.Name, null, activities)))];
        foreach ((string name, Task<ModelScores> scores) in evaluating)
            await run.Record(Evaluated(run.State, name, await scores));
        await CompareAsync(run, 0, names, activities);
    }

    private static async Task<List<string>> MergeAsync(
        Recorder run, int generation, IReadOnlyList<Mating> pairs, IActivities activities)
    {
        List<(Mating Pair, Task<MergedModel> Child)> merging = [.. pairs.Select(pair => (pair, activities.MergeAsync(
            new MergeRequest(
                pair.Child, Reference(run.State.Base!),
                [Reference(run.State.Find(pair.First)), Reference(run.State.Find(pair.Second))],
                (JsonObject)run.State.Spec!.Merge.DeepClone()))))];
        List<string> children = [];
        foreach ((Mating pair, Task<MergedModel> merged) in merging)
        {
            try
            {
                MergedModel child = await merged;
                await run.Record(new MergeCompleted(
                    pair.Child, generation, [pair.First, pair.Second], pair.Purpose, child.Digest, child.Content, child.Device));
                children.Add(pair.Child);
            }
            catch (WorkFailedException failure)
            {
                await run.Record(new WorkFailed(pair.Child, "merge", failure.Message));
            }
        }
        return children;
    }

    private static async Task MeasureAsync(Recorder run, IReadOnlyList<string> names, IActivities activities)
    {
        if (names.Count == 0)
            return;
        ModelReference[] known = [.. run.State.Models.Values.Where(model => !names.Contains(model.Name)).Select(Reference)];
        ModelReference[] added = [.. names.Select(name => Reference(run.State.Find(name)))];
        foreach (KinshipMeasured row in await activities.MeasureKinshipAsync(
            new KinshipRequest(Reference(run.State.Base!), known, added, run.State.Spec!.Kinship.Price)))
            await run.Record(row);
    }

    private static async Task<List<double>> EvaluateAsync(Recorder run, IReadOnlyList<string> children, IActivities activities)
    {
        // Where children may be given up each has to pass the last of S as it is by then, so that one waits for the other.
        Dictionary<string, Task<ModelScores>> begun = run.State.Spec!.Sequential is not null ? []
            : children.ToDictionary(name => name, name => Evaluate(run, name, null, activities));
        List<double> gains = [];
        foreach (string name in children)
        {
            try
            {
                ModelEvaluated evaluated = Evaluated(
                    run.State,
                    name,
                    await (begun.GetValueOrDefault(name) ?? Evaluate(run, name, run.State.Selected[^1], activities)));
                await run.Record(evaluated);
                if (evaluated.Gain is { } gain)
                    gains.Add(gain);
            }
            catch (WorkFailedException failure)
            {
                await run.Record(new WorkFailed(name, "evaluate", failure.Message));
            }
        }
        return gains;
    }

    // With the base, with every best there was and with all who held a place: all that is decided or told by a difference.
    private static async Task CompareAsync(Recorder run, int generation, IReadOnlyList<string> names, IActivities activities)
    {
        RunState state = run.State;
        Model[] added = [.. names.Where(state.Models.ContainsKey).Select(state.Find)
            .Where(model => model is { Average: not null, Partial: null })];
        string[] rivals = [.. state.Generations.Select(completed => completed.Best.Name)
            .Concat(state.Generations.IsEmpty ? [] : state.Generations[^1].Selected).Prepend(RunState.BaseName).Distinct()];
        if (added.Length == 0)
            return;
        IReadOnlyList<ModelComparison> comparisons = await activities.CompareAsync(new ComparisonRequest(
            generation, [.. added.Select(Reference)], [.. rivals.Select(state.Find).Select(Reference)], state.Spec!.Tasks));
        if (comparisons.Count > 0)
            await run.Record(new ModelsCompared(generation, comparisons));
    }

    private static Task CompleteGenerationAsync(Recorder run, int generation, IReadOnlyList<double> gains)
    {
        RunState state = run.State;
        ImmutableArray<Model> selected = state.Selected;
        Model best = state.Population.First(model => model.Partial is null);
        double? meanKinship = state.MeanKinship(selected);
        return run.Record(new GenerationCompleted(
            generation, [.. selected.Select(model => model.Name)], new Best(best.Name, best.Average!.Value),
            selected.Average(model => model.Average!.Value), meanKinship, gains.Count == 0 ? null : gains.Average(),
            StopRules.StageOf(state, generation, meanKinship), state.Merges, state.Evaluations));
    }

    private static Task<ModelScores> Evaluate(Recorder run, string name, Model? rival, IActivities activities) =>
        activities.EvaluateAsync(new EvaluationRequest(
            Reference(run.State.Find(name)),
            run.State.Spec!.Tasks,
            rival is null ? null : Reference(rival),
            rival is null ? null : [.. run.State.Founders.Select(Reference)]));

    /// <summary>Average: Σ weight·score / Σ weight (paper, Eq. 5, with weights). What was only estimated has no gain.</summary>
    private static ModelEvaluated Evaluated(RunState state, string name, ModelScores scored)
    {
        SpecRules.CheckSameEvaluator(state, scored.Evaluator);
        double average = scored.Scores.Zip(state.Spec!.Tasks, (score, task) => score.Value * task.Weight).Sum()
            / state.Spec.Tasks.Sum(task => task.Weight);
        double? gain = scored.Partial is null ? state.Gain(name, average) : null;
        return new ModelEvaluated(name, scored.Scores, average, gain, scored.Evaluator, scored.Partial);
    }

    private static ModelReference Reference(Model model) => new(model.Name, model.Digest);

    private sealed class Recorder(IActivities activities)
    {
        public RunState State { get; private set; } = RunState.Empty;

        public async Task Record(RunEvent next)
        {
            await activities.AppendAsync(next);
            State = State.Apply(next);
        }
    }
}
