namespace Pedigree.Evolution.Strategies;

/// <summary>
/// Top-k greedy merging with exploration (paper, Algorithm 1): the pairs of S, and the best model with the least related model
/// of the whole population that it was not merged with before. The paper's line 11 says "from S"; its own run chose from all
/// models made so far, and so does this.
/// </summary>
internal sealed class KinshipStrategy : IStrategy
{
    public Selection Choose(RunState state)
    {
        Selection selection = new GreedyStrategy().Choose(state);
        HashSet<Pair> chosen = [.. selection.Pairs.Select(mating => new Pair(mating.First, mating.Second))];
        Model best = state.Population[0];
        KinshipMeasure measure = state.Spec!.Kinship.Measure;

        int found = 0, rank = 0;
        foreach (Model other in state.Population.Where(model => model.Name != best.Name)
            .OrderBy(model => measure.Closeness(state.Kinship(best.Name, model.Name)))
            .ThenBy(model => model.Name, StringComparer.Ordinal))
        {
            if (found == state.Spec.Strategy.Explore)
                break;
            rank++;
            Pair pair = new(best.Name, other.Name);
            if (state.Merged.TryGetValue(pair, out string? child))
                selection = selection.PassOver(Strategy.Before(state, best, other, child));
            else if (!chosen.Contains(pair))
                selection = selection.Add(Strategy.Mate(
                    state, ++found == 1 ? $"{state.NextGeneration}-exp" : $"{state.NextGeneration}-exp-{found}", best, other,
                    Purpose.Explore, $"{other.Name} is number {rank} of those least related to the best, and new to it"));
        }
        return selection;
    }
}
