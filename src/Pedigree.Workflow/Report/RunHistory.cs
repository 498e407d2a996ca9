using Pedigree.Evolution;

namespace Pedigree.Workflow.Report;

/// <summary>What the sections of the report draw on.</summary>
/// <param name="Decisions">What was chosen, one for each generation from the first.</param>
/// <param name="Failures">Work that could not be done, by the child's name.</param>
/// <param name="BestLine">The best model and all its ancestors.</param>
internal sealed record RunHistory(
    string Run, RunState State, RunSpec Spec, long Parameters, IReadOnlyList<ParentsSelected> Decisions,
    IReadOnlyDictionary<string, WorkFailed> Failures, IReadOnlySet<string> BestLine)
{
    public static RunHistory From(string run, IReadOnlyList<RunEvent> events)
    {
        RunState state = RunState.Of(events);
        RunSpec spec = state.Spec
            ?? throw new ArgumentException("the log does not begin with the start of a run", nameof(events));
        HashSet<string> line = [];
        if (state.Population is [Model best, ..])
            AddLine(state, best, line);
        return new RunHistory(
            run, state, spec,
            events.OfType<ModelAdmitted>().FirstOrDefault()?.Parameters ?? 0,
            [.. events.OfType<ParentsSelected>()],
            events.OfType<WorkFailed>().DistinctBy(failed => failed.Name).ToDictionary(failed => failed.Name),
            line);
    }

    /// <summary>The best of everything evaluated.</summary>
    public Model? Best => State.Population.FirstOrDefault();

    /// <summary>The best of the models that were there before the first merge.</summary>
    public Model? BestAdmitted => State.Population.FirstOrDefault(model => model.Generation == 0);

    /// <summary>All models: by generation, then in the order in which they were admitted or chosen.</summary>
    public IReadOnlyList<Model> InOrder
    {
        get
        {
            List<string> order =
                [.. Spec.Models.Select(model => model.Name), .. Decisions.SelectMany(made => made.Pairs)
                    .Select(pair => pair.Child)];
            return [.. State.Models.Values.OrderBy(model => model.Generation).ThenBy(model => order.IndexOf(model.Name))];
        }
    }

    private static void AddLine(RunState state, Model model, HashSet<string> line)
    {
        if (!line.Add(model.Name))
            return;
        foreach (string parent in model.Parents)
            AddLine(state, state.Find(parent), line);
    }
}
