using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Methods;

/// <summary>
/// Spherical linear interpolation from x₀ (t = 0) to x₁ (t = 1), each tensor as one vector:
/// <c>sin((1−t)θ)/sinθ · x₀ + sin(tθ)/sinθ · x₁</c>, θ the angle between them (Shoemake, <i>Animating rotation with quaternion
/// curves</i>, 1985). As mergekit does, the tensors keep their lengths, and where <c>|cosθ| &gt; 0.9995</c> they are interpolated
/// linearly. A tensor no longer than 10⁻⁸ is not normalised, so that the angle to a zero tensor is a right one.
/// </summary>
internal sealed class Slerp : IWeightedSumMethod
{
    private const double Parallel = 0.9995;
    private const double Shortest = 1e-8;

    public string Name => "slerp";

    public IReadOnlyList<MergeParameter> Parameters { get; } = [new("t", Least: 0, Greatest: 1)];

    public (int Fewest, int Most) Models => (2, 2);

    public BaseModel BaseModel => BaseModel.First;

    public bool NeedsGram => true;

    public double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters)
    {
        var t = parameters["t"][0];
        var cosine = gram.Product(0, 1) / (Length(gram, 0) * Length(gram, 1));
        if (Math.Abs(cosine) > Parallel)
            return [1 - t, t];
        var angle = Math.Acos(cosine);
        var sine = Math.Sin(angle);
        return [Math.Sin((1 - t) * angle) / sine, Math.Sin(t * angle) / sine];
    }

    private static double Length(TensorGram gram, int i) =>
        Math.Sqrt(Math.Max(0, gram.Product(i, i))) is > Shortest and var length ? length : 1;
}
