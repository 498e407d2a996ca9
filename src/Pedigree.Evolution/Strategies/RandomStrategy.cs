using Pedigree.Evolution.Statistics;

namespace Pedigree.Evolution.Strategies;

/// <summary>
/// Random merging (paper, Algorithm 2): as many pairs as S has, drawn from all pairs of the population not merged before.
/// The draw depends on the seed, the generation and the names alone.
/// </summary>
internal sealed class RandomStrategy : IStrategy
{
    public Selection Choose(RunState state)
    {
        int wanted = state.SelectedSize * (state.SelectedSize - 1) / 2;
        List<Pair> left = [.. RunState.PairsOf(state.Population).Select(pair => new Pair(pair.First.Name, pair.Second.Name))
            .Where(pair => !state.Merged.ContainsKey(pair))
            .OrderBy(pair => pair.First, StringComparer.Ordinal).ThenBy(pair => pair.Second, StringComparer.Ordinal)];
        SplitMix random = new(unchecked((ulong)state.Spec!.Seed * 0x9E3779B97F4A7C15 + (ulong)state.NextGeneration));

        Selection selection = Selection.None;
        while (selection.Pairs.Count < wanted && left.Count > 0)
        {
            int drawn = (int)(random.Next() % (ulong)left.Count);
            (Model first, Model second) = (state.Models[left[drawn].First], state.Models[left[drawn].Second]);
            left.RemoveAt(drawn);
            selection = selection.Add(Strategy.Mate(
                state, $"{state.NextGeneration}-{selection.Pairs.Count + 1}", first, second, Purpose.Explore, "drawn at random"));
        }
        return selection;
    }
}
