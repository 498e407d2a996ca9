using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Methods;

/// <summary>
/// Barycentric interpolation on a sphere (Goddard, <i>Multi-SLERP</i>, 2025): with unit vectors <c>uᵢ = vᵢ/(‖vᵢ‖ + eps)</c> and
/// their mean direction m, the tangent vectors <c>uᵢ − (uᵢ·m)m</c> are averaged and mapped back by the exponential map; times
/// <c>Σ wᵢ·‖vᵢ‖</c>. v are the weights, or the task vectors where there is a base model.
/// </summary>
/// <remarks>
/// m is the direction of <c>Σ wᵢ·uᵢ</c>, so the averaged tangent vector is <c>Σ wᵢ·uᵢ − (Σ wᵢ·uᵢ·m)m = 0</c> and the map leads to
/// m itself: the result is <c>m·Σ wᵢ·‖vᵢ‖</c>, without the noise that computing the zero adds. Where the weighted unit vectors
/// cancel out, two are interpolated linearly, as in mergekit, and more are refused.
/// </remarks>
internal sealed class MultiSlerp : IWeightedSumMethod
{
    public string Name => "multislerp";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [new("weight", ByModel: true), MergeParameter.Flag("normalize_weights", true), new("eps", Default: 1e-8, Least: 0)];

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.OptionalOrigin;

    public bool NeedsGram => true;

    public void Check(IReadOnlyDictionary<string, double[]> parameters) => Shares.Of(parameters, "normalize_weights");

    public double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters)
    {
        var weights = Shares.Of(parameters, "normalize_weights");
        if (weights.Length == 1)
            return [1];
        var eps = parameters["eps"][0];
        double[] lengths = [.. weights.Select((_, i) => Math.Sqrt(Math.Max(0, gram.Product(i, i))))];
        // The weight of vᵢ in the weighted sum of unit vectors; of a zero vector's direction there is none.
        double[] shares = [.. weights.Zip(lengths, (weight, length) => length + eps > 0 ? weight / (length + eps) : 0)];
        var square = 0.0;
        for (var i = 0; i < shares.Length; i++)
            for (var j = 0; j < shares.Length; j++)
                square += shares[i] * shares[j] * gram.Product(i, j);
        var mean = Math.Sqrt(Math.Max(0, square));
        if (mean <= Math.Max(eps, 1e-12))
            return lengths.All(length => length == 0) || weights.Length == 2 ? weights : throw new ArgumentException(
                "the weighted directions of the models cancel out, so that they have no mean; change the weights");
        var norm = weights.Zip(lengths, (weight, length) => weight * length).Sum();
        return [.. shares.Select(share => norm / mean * share)];
    }
}
