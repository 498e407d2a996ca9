using System.Collections.Immutable;

namespace Pedigree.Evolution.Strategies;

/// <summary>
/// Who is merged with whom in the next generation. Generation 1 is the same for all: every pair of admitted models.
/// </summary>
public interface IStrategy
{
    /// <summary>The pairs of the next generation; none when there is nothing new to merge.</summary>
    Selection Choose(RunState state);
}

/// <summary>Pairs chosen, and pairs that came first but were merged before.</summary>
public sealed record Selection(ImmutableList<Mating> Pairs, ImmutableList<PassedOver> PassedOver)
{
    /// <summary>Nothing chosen.</summary>
    public static Selection None { get; } = new([], []);

    internal Selection Add(Mating mating) => this with { Pairs = Pairs.Add(mating) };

    internal Selection PassOver(PassedOver passed) => this with { PassedOver = PassedOver.Add(passed) };
}

/// <summary>The strategies by name, and what they share.</summary>
public static class Strategy
{
    private static readonly Dictionary<string, IStrategy> ByName = new(StringComparer.Ordinal)
    {
        ["greedy"] = new GreedyStrategy(),
        ["kinship"] = new KinshipStrategy(),
        ["random"] = new RandomStrategy(),
    };

    /// <summary>All names.</summary>
    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <summary>The pairs of the next generation, as many as the budget of evaluations allows.</summary>
    public static Selection Choose(RunState state)
    {
        Selection selection = state.NextGeneration == 1
            ? EveryNewPair(state, state.Population, "all admitted models are merged in pairs")
            : ByName[state.Spec!.Strategy.Name].Choose(state);
        int affordable = state.Spec!.Stop.Evaluations - state.Evaluations ?? int.MaxValue;
        return selection with { Pairs = [.. selection.Pairs.Take(affordable)] };
    }

    /// <summary>Whether a strategy of that name exists.</summary>
    public static bool Exists(string name) => ByName.ContainsKey(name);

    internal static Selection EveryNewPair(RunState state, ImmutableArray<Model> set, string reason)
    {
        Selection selection = Selection.None;
        foreach ((Model first, Model second) in RunState.PairsOf(set))
        {
            selection = state.Merged.TryGetValue(new Pair(first.Name, second.Name), out string? child)
                ? selection.PassOver(Before(state, first, second, child))
                : selection.Add(Mate(
                    state, $"{state.NextGeneration}-{selection.Pairs.Count + 1}", first, second, Purpose.Exploit, reason));
        }
        return selection;
    }

    internal static Mating Mate(RunState state, string child, Model first, Model second, Purpose purpose, string reason)
    {
        ImmutableArray<Model> population = state.Population;
        int[] ranks = [population.IndexOf(first) + 1, population.IndexOf(second) + 1];
        return ranks[0] < ranks[1]
            ? new Mating(child, first.Name, second.Name, purpose, state.Kinship(first.Name, second.Name), ranks, reason,
                state.Compare(first.Name, second.Name)?.PValue)
            : Mate(state, child, second, first, purpose, reason);
    }

    internal static PassedOver Before(RunState state, Model first, Model second, string child) =>
        new(first.Name, second.Name, state.Kinship(first.Name, second.Name), $"merged before as {child}");
}
