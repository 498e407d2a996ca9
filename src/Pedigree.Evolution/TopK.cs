using System.Collections.Immutable;
using Pedigree.Evolution.Statistics;

namespace Pedigree.Evolution;

/// <summary>Who is in S, and what that was decided by.</summary>
public static class TopK
{
    /// <summary>
    /// The k best by average, ties by name. Where the spec asks for significance that is so for the admitted models only; from
    /// then on a child takes a place from the worst of those whom it is better than beyond chance, and where there is none it
    /// stays outside: of models that cannot be told apart the older ones stay. A child that was given up early is never in S.
    /// </summary>
    internal static ImmutableArray<Model> Of(RunState state)
    {
        ImmutableArray<Model> ranked = [.. state.Population.Where(model => model.Partial is null)];
        if (state.Spec!.Significance is not { } level || state.Generations.IsEmpty)
            return [.. ranked.Take(state.SelectedSize)];
        List<Model> selected = [.. state.Generations[^1].Selected.Select(state.Find)];
        HashSet<(string, string)> different = [.. Decisive(state, state.Generations.Count)
            .Where(comparison => comparison.Corrected < level && comparison.Difference > 0)
            .Select(comparison => (comparison.First, comparison.Second))];
        foreach (Model child in ranked.Where(model => model.Generation == state.NextGeneration))
        {
            if (selected.Where(held => different.Contains((child.Name, held.Name))).MinBy(held => held.Average) is not { } worst)
                continue;
            selected.Remove(worst);
            selected.Add(child);
        }
        return [.. selected.OrderBy(model => ranked.IndexOf(model))];
    }

    /// <summary>
    /// The tests that a generation's S is decided by: its children against those who held a place before, with Holm's correction
    /// for all of them together.
    /// </summary>
    public static IReadOnlyList<ModelComparison> Decisive(RunState state, int generation)
    {
        if (generation == 0)
            return [];
        IReadOnlyList<string> held = state.Generations[generation - 1].Selected;
        ModelComparison[] made = [.. state.Models.Values
            .Where(model => model.Generation == generation && model.Average is not null)
            .SelectMany(child => held.Select(rival => state.Compare(child.Name, rival))).OfType<ModelComparison>()];
        IReadOnlyList<double> corrected = PairedTests.Holm([.. made.Select(comparison => comparison.PValue)]);
        return [.. made.Zip(corrected, (comparison, p) => comparison with { Corrected = p })];
    }
}
