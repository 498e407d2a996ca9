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
        List<(Model First, Model Second)> left = [.. RunState.PairsOf(state.Population)
            .Where(pair => !state.Merged.ContainsKey(new Pair(pair.First.Name, pair.Second.Name)))
            .Select(pair => (Names: new Pair(pair.First.Name, pair.Second.Name), Pair: pair))
            .OrderBy(pair => pair.Names.First, StringComparer.Ordinal).ThenBy(pair => pair.Names.Second, StringComparer.Ordinal)
            .Select(pair => pair.Pair)];
        SplitMix random = new(unchecked((ulong)state.Spec!.Seed * 0x9E3779B97F4A7C15 + (ulong)state.NextGeneration));

        Selection selection = Selection.None;
        while (selection.Pairs.Count < wanted && left.Count > 0)
        {
            int drawn = (int)(random.Next() % (ulong)left.Count);
            (Model first, Model second) = left[drawn];
            left.RemoveAt(drawn);
            selection = selection.Add(Strategy.Mate(
                state, $"{state.NextGeneration}-{selection.Pairs.Count + 1}", first, second, Purpose.Explore, "drawn at random"));
        }
        return selection;
    }
}
