using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Methods.TaskVectors;

/// <summary>Each element is kept with a probability that grows with the rank of its magnitude in its row.</summary>
internal sealed unsafe class RankedSelection(TensorSources tensor, double[] densities, double[] epsilons) : ISelection
{
    private readonly uint[][] _limits = [.. densities.Zip(epsilons, (density, epsilon) =>
        density is > 0 and < 1 ? RowRanks.Limits((int)tensor.Columns, density, epsilon) : [])];

    public bool WholeRows => true;

    /// <exception cref="ArgumentException">A probability would not be between 0 and 1.</exception>
    public static void Check(double[] densities, double[] epsilons)
    {
        foreach (var (density, epsilon) in densities.Zip(epsilons))
            if (density is > 0 and < 1 && (density - epsilon <= 0 || density + epsilon >= 1))
                throw new ArgumentException(
                    FormattableString.Invariant($"density {density} − epsilon {epsilon} must be above 0 ")
                    + "and density + epsilon below 1; choose a smaller epsilon");
    }

    public bool KeepsAll(int model) => densities[model] >= 1;

    public void Apply(TensorBlock block, int model, float* delta)
    {
        if (densities[model] <= 0)
        {
            new Span<float>(delta, block.Count).Clear();
            return;
        }
        var columns = (int)tensor.Columns;
        for (var start = 0; start < block.Count; start += columns)
            RowRanks.KeepByRank(
                tensor.RandomKey(model), block.Start + start, delta + start, _limits[model], (ulong*)block.ScratchPointer);
    }
}
