namespace Pedigree.Evolution;

/// <summary>
/// Which checkpoints of a run's children stay. A child that was removed is made again from its recipe wherever it is needed.
/// </summary>
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
    /// <summary>
    /// The children whose checkpoints must be there. Where few are kept, none of a generation that is not finished need be.
    /// </summary>
    public static IReadOnlyList<Model> Kept(RunState state) => state.Spec?.Keep == Keep.All ? [.. Children(state)]
        : [.. Children(state).Where(model => Names(state).Contains(model.Name))];

    /// <summary>The children, up to the last finished generation, that the run does not keep.</summary>
    public static IReadOnlyList<Model> Removable(RunState state) =>
        state.Spec is not { Keep: not Keep.All } || state.Generations is not [.., { } last] ? []
            : [.. Children(state).Where(model => model.Generation <= last.Generation && !Names(state).Contains(model.Name))];

    private static IEnumerable<Model> Children(RunState state) => state.Models.Values.Where(model => model.Generation > 0);

    private static IReadOnlyList<string> Names(RunState state) => state.Generations is not [.., { } last] ? []
        : state.Spec!.Keep == Keep.TopK ? last.Selected : [last.Best.Name];
}
