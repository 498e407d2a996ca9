using Pedigree.Evolution;
using Pedigree.Workflow.Activities;
using Pedigree.Workflow.Evaluators;

namespace Pedigree.Workflow;

/// <summary>Two runs of one store against each other.</summary>
public static class RunComparison
{
    /// <summary>
    /// The best model of one run and that of another on the same items; null where they are the same model, were given other
    /// tasks, or have no results item by item.
    /// </summary>
    public static async Task<ModelComparison?> OfBestAsync(
        RunRecord one, RunRecord other, SpecFile spec, CancellationToken cancellation = default)
    {
        (Model first, Model second) = (one.State.Population[0], other.State.Population[0]);
        if (first.Digest == second.Digest || !one.State.Spec!.Tasks.SequenceEqual(other.State.Spec!.Tasks))
            return null;
        Comparing comparing = new(new RunEvaluator(one.Store, spec, new TaskShelf(spec)), spec);
        return (await comparing.CompareAsync(
            new ComparisonRequest(0, [new("first", first.Digest)], [new("second", second.Digest)], one.State.Spec.Tasks),
            new WorkNews(null, "compare", first.Name), cancellation)).SingleOrDefault() is { } comparison
                ? comparison with { First = first.Name, Second = second.Name } : null;
    }
}
