using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Methods;

/// <summary>
/// The Karcher (or Riemannian) mean of the directions of the tensors on the unit sphere, the point whose mean squared arc to all
/// of them is least, times the mean of their lengths (Karcher, <i>Riemannian center of mass and mollifier smoothing</i>, 1977).
/// Found by repeatedly averaging the tangent vectors <c>θᵢ/sinθᵢ·(uᵢ − cosθᵢ·m)</c> at m and going along the average's great
/// circle, until it is shorter than <c>tol</c> or <c>max_iter</c> times.
/// </summary>
/// <remarks>
/// m stays a combination of the uᵢ, so the iteration runs on coefficients and inner products; no weights are read for it. As in
/// mergekit, tensors no longer than <c>tol</c> have no direction, but count in the mean length.
/// </remarks>
internal sealed class Karcher : IWeightedSumMethod
{
    public string Name => "karcher";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [new("max_iter", Default: 10, Least: 0, Greatest: 100_000, Whole: true), new("tol", Default: 1e-5, Least: 0)];

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Merged;

    public bool NeedsGram => true;

    public double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters)
    {
        var tol = parameters["tol"][0];
        double[] lengths =
            [.. Enumerable.Range(0, parameters["tol"].Length).Select(i => Math.Sqrt(Math.Max(0, gram.Product(i, i))))];
        var coefficients = new double[lengths.Length];
        if (lengths.Length == 1)
            return [1];
        int[] directed = [.. Enumerable.Range(0, lengths.Length).Where(i => lengths[i] > tol)];
        if (directed.Length == 0)
            return coefficients;
        var cosines = new double[directed.Length, directed.Length];
        for (var i = 0; i < directed.Length; i++)
            for (var j = 0; j < directed.Length; j++)
                cosines[i, j] = i == j ? 1
                    : gram.Product(directed[i], directed[j]) / (lengths[directed[i]] * lengths[directed[j]]);
        var mean = Mean(cosines, (int)parameters["max_iter"][0], tol);
        for (var i = 0; i < directed.Length; i++)
            coefficients[directed[i]] = lengths.Average() * mean[i] / lengths[directed[i]];
        return coefficients;
    }

    /// <summary>Coefficients of the unit vectors in their mean.</summary>
    private static double[] Mean(double[,] cosines, int iterations, double tol)
    {
        var n = cosines.GetLength(0);
        double[] mean = [.. Enumerable.Repeat(1.0 / n, n)];
        mean = Length(cosines, mean) is var length && length < tol ? [1, .. new double[n - 1]] : Scaled(mean, 1 / length);
        for (var iteration = 0; iteration < iterations; iteration++)
        {
            var tangent = new double[n];
            for (var i = 0; i < n; i++)
            {
                var cosine = 0.0;
                for (var j = 0; j < n; j++)
                    cosine += mean[j] * cosines[j, i];
                cosine = Math.Clamp(cosine, -1, 1);
                var angle = Math.Acos(cosine);
                if (angle < tol)
                    continue;
                var factor = angle / Math.Sin(angle) / n;
                // Opposite to m every direction leads away equally; mergekit divides by a sine of nearly 0.
                if (!double.IsFinite(factor) || factor > 1e6)
                    continue;
                tangent[i] += factor;
                for (var j = 0; j < n; j++)
                    tangent[j] -= factor * cosine * mean[j];
            }
            var step = Length(cosines, tangent);
            if (step < tol)
                break;
            mean = [.. mean.Zip(tangent, (m, t) => (Math.Cos(step) * m) + (Math.Sin(step) / step * t))];
            if (Length(cosines, mean) is var off && off > tol)
                mean = Scaled(mean, 1 / off);
        }
        return mean;
    }

    private static double[] Scaled(double[] vector, double factor) => [.. vector.Select(value => value * factor)];

    private static double Length(double[,] products, double[] vector)
    {
        var square = 0.0;
        for (var i = 0; i < vector.Length; i++)
            for (var j = 0; j < vector.Length; j++)
                square += vector[i] * vector[j] * products[i, j];
        return Math.Sqrt(Math.Max(0, square));
    }
}
