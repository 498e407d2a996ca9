using Pedigree.Weights.Elementwise;

namespace Pedigree.Weights.Methods.TaskVectors;

/// <summary>
/// Elements are kept by the rank of their magnitude in the whole tensor, the largest first and of equal ones the earlier: ranks
/// from one number up to another.
/// </summary>
internal sealed unsafe class MagnitudeSelection : ISelection
{
    private readonly Cut[] _outer;
    private readonly Cut[] _inner;

    private MagnitudeSelection(Cut[] outer, Cut[] inner)
    {
        _outer = outer;
        _inner = inner;
    }

    /// <summary>Keeps the share <paramref name="densities"/> of each model, and one element at least unless it is 0.</summary>
    public static MagnitudeSelection OfLargest(TensorSources tensor, double[] densities) =>
        Of(tensor, [.. densities.Select(density => (0L, Share(tensor.Count, density)))]);

    /// <summary>
    /// Keeps the share <paramref name="densities"/> of each model after its share <paramref name="gammas"/> of the largest: fewer
    /// of those are left out where not enough would remain, and none where everything is kept.
    /// </summary>
    public static MagnitudeSelection WithoutOutliers(TensorSources tensor, double[] densities, double[] gammas) =>
        Of(tensor, [.. densities.Zip(gammas, (density, gamma) =>
        {
            var kept = Share(tensor.Count, density);
            var largest = Math.Min((long)(gamma * tensor.Count), tensor.Count - kept);
            return (largest, largest + kept);
        })]);

    private static long Share(long count, double density) =>
        density >= 1 ? count : density > 0 ? Math.Max(1, (long)(density * count)) : 0;

    /// <summary>Keeps the ranks from the first (0: the largest) up to and without the second.</summary>
    public static MagnitudeSelection Of(TensorSources tensor, IReadOnlyList<(long From, long To)> ranks)
    {
        var cuts = Cut.Find(tensor,
            [.. ranks.Select((range, model) => (model, range.To)), .. ranks.Select((range, model) => (model, range.From))]);
        return new(cuts[..ranks.Count], cuts[ranks.Count..]);
    }

    public bool KeepsAll(int model) => _outer[model].IsAll && _inner[model].IsNone;

    public void Apply(TensorBlock block, int model, float* delta)
    {
        // In this order: the inner cut still finds what it takes away.
        _outer[model].Apply(block, delta, keep: true);
        _inner[model].Apply(block, delta, keep: false);
    }
}
