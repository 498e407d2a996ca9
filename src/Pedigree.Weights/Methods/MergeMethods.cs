namespace Pedigree.Weights.Methods;

/// <summary>The methods there are.</summary>
public static class MergeMethods
{
    /// <summary>All, in the order of their names.</summary>
    public static IReadOnlyList<IMergeMethod> All { get; } =
    [
        new DareLinear(), new DareTies(), new Linear(), new Slerp(), new TaskArithmetic(), new Ties(),
    ];
}
