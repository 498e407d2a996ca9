namespace Pedigree.Evolution;

/// <summary>Which checkpoints of a run's children stay. A child that was removed is made again from its recipe wherever it is needed.</summary>
public enum Keep
{
    /// <summary>All of them.</summary>
    All,

    /// <summary>Those of S.</summary>
    TopK,

    /// <summary>The best one's, if it is a child.</summary>
    Best,
}

/// <summary>What follows from a run's spec and log about the checkpoints of its children.</summary>
public static class Keeping
{
    /// <summary>The children, up to the last finished generation, that the run does not keep.</summary>
    public static IReadOnlyList<Model> Removable(RunState state)
    {
        if (state.Spec is not { Keep: not Keep.All } || state.Generations is not [.., { } last])
            return [];
        IReadOnlyList<string> kept = state.Spec.Keep == Keep.TopK ? last.Selected : [last.Best.Name];
        return [.. state.Models.Values.Where(
            model => model.Generation > 0 && model.Generation <= last.Generation && !kept.Contains(model.Name))];
    }
}
