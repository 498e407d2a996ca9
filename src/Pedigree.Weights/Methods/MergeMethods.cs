namespace Pedigree.Weights.Methods;

/// <summary>The methods there are.</summary>
public static class MergeMethods
{
    /// <summary>All, in the order of their names.</summary>
    public static IReadOnlyList<IMergeMethod> All { get; } =
    [
        new ArceeFusion(), new Breadcrumbs(ties: false), new Breadcrumbs(ties: true), new Dare(ties: false), new Dare(ties: true),
        new Della(ties: true), new Della(ties: false), new Karcher(), new Linear(), new ModelStock(), new MultiSlerp(),
        new NearSwap(),
        new NuSlerp(), new Passthrough(), new Ram(), new RamPlus(), new Sce(), new Slerp(), new TaskArithmetic(), new Ties(),
    ];
}
