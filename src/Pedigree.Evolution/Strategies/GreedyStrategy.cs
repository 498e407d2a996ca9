namespace Pedigree.Evolution.Strategies;

/// <summary>
/// Top-k greedy merging (paper, Algorithm 1 without its lines 10–12): every pair of S that was not merged before.
/// </summary>
internal sealed class GreedyStrategy : IStrategy
{
    public Selection Choose(RunState state) =>
        Strategy.EveryNewPair(state, state.Selected, $"both are among the {state.SelectedSize} best");
}
