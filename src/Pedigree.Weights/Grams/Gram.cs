namespace Pedigree.Weights.Grams;

/// <summary>
/// The Gram matrix of a base and its descendants, tensor by tensor: rows of a set of models, every pair known. Models are
/// numbered in the order given.
/// </summary>
public sealed class Gram
{
    private readonly IReadOnlyList<GramRow> _rows;
    private readonly IReadOnlyList<double>[,] _products;

    /// <summary>Combines rows that share a base.</summary>
    /// <exception cref="ArgumentException">Different bases or tensors, or a pair that neither row has.</exception>
    public Gram(IReadOnlyList<GramRow> rows)
    {
        _rows = rows;
        _products = new IReadOnlyList<double>[rows.Count, rows.Count];
        for (var a = 0; a < rows.Count; a++)
        {
            if (rows[a].Base != rows[0].Base || !rows[a].Tensors.SequenceEqual(rows[0].Tensors))
                throw new ArgumentException(
                    $"The rows of {rows[0].Model} and {rows[a].Model} differ in base or tensors.", nameof(rows));
            for (var b = 0; b <= a; b++)
                _products[a, b] = _products[b, a] = GramRow.Products(rows[a], rows[b]);
        }
    }

    /// <summary>Digests of the models.</summary>
    public IReadOnlyList<string> Models => [.. _rows.Select(row => row.Model)];

    /// <summary>Names of the tensors.</summary>
    public IReadOnlyList<string> Tensors => _rows[0].Tensors;

    /// <summary>The matrix of one tensor.</summary>
    public TensorGram Tensor(int tensor)
    {
        var n = _rows.Count;
        var products = new double[n, n];
        for (var a = 0; a < n; a++)
            for (var b = 0; b < n; b++)
                products[a, b] = _products[a, b][tensor];
        return new(_rows[0].BaseBase[tensor], [.. _rows.Select(row => row.DeltaBase[tensor])], products);
    }

    /// <summary>
    /// Similarity of δ of models <paramref name="a"/> and <paramref name="b"/> over all their tensors as one vector, or over
    /// those whose name <paramref name="tensors"/> accepts.
    /// </summary>
    public double Kinship(KinshipMeasure measure, int a, int b, Func<string, bool>? tensors = null)
    {
        double count = 0, aa = 0, bb = 0, ab = 0, sumA = 0, sumB = 0;
        for (var tensor = 0; tensor < Tensors.Count; tensor++)
        {
            if (tensors is not null && !tensors(Tensors[tensor]))
                continue;
            count += _rows[a].Counts[tensor];
            aa += _products[a, a][tensor];
            bb += _products[b, b][tensor];
            ab += _products[a, b][tensor];
            sumA += _rows[a].DeltaSum[tensor];
            sumB += _rows[b].DeltaSum[tensor];
        }
        return measure switch
        {
            KinshipMeasure.Pearson when a == b => 1,
            KinshipMeasure.Cosine when a == b => 1,
            KinshipMeasure.Euclidean when a == b => 0,
            KinshipMeasure.Pearson => Ratio(ab - (sumA * sumB / count), aa - (sumA * sumA / count), bb - (sumB * sumB / count)),
            KinshipMeasure.Cosine => Ratio(ab, aa, bb),
            KinshipMeasure.Euclidean => Math.Sqrt(Math.Max(0, aa + bb - (2 * ab))),
            _ => throw new ArgumentOutOfRangeException(nameof(measure)),
        };
    }

    /// <summary>Every pair: <c>[a][b]</c>.</summary>
    public double[][] Matrix(KinshipMeasure measure) =>
        [.. Enumerable.Range(0, _rows.Count)
            .Select(a => Enumerable.Range(0, _rows.Count).Select(b => Kinship(measure, a, b)).ToArray())];

    /// <summary>The kinship of a set: the mean over its pairs; NaN for fewer than two models.</summary>
    public double Mean(KinshipMeasure measure, IReadOnlyList<int> set)
    {
        var sum = 0.0;
        for (var i = 0; i < set.Count; i++)
            for (var j = i + 1; j < set.Count; j++)
                sum += Kinship(measure, set[i], set[j]);
        return sum / (set.Count * (set.Count - 1) / 2);
    }

    // 0 where a vector is constant: it has no direction to share.
    private static double Ratio(double ab, double aa, double bb) =>
        aa <= 0 || bb <= 0 ? 0 : Math.Clamp(ab / (Math.Sqrt(aa) * Math.Sqrt(bb)), -1, 1);
}

/// <summary>How alike two δ are.</summary>
public enum KinshipMeasure
{
    /// <summary>Pearson correlation of the elements, −1 to 1.</summary>
    Pearson,

    /// <summary>Cosine of the angle, −1 to 1, with its sign.</summary>
    Cosine,

    /// <summary>Euclidean distance: 0 for equal models, growing as they differ.</summary>
    Euclidean,
}

/// <summary>The Gram matrix of one tensor: of the base and of each δ.</summary>
/// <param name="BaseBase">⟨base, base⟩; 0 without a base.</param>
/// <param name="DeltaBase">⟨δᵢ, base⟩.</param>
/// <param name="DeltaDelta">⟨δᵢ, δⱼ⟩.</param>
public sealed record TensorGram(double BaseBase, IReadOnlyList<double> DeltaBase, double[,] DeltaDelta)
{
    /// <summary>⟨xᵢ, xⱼ⟩ of the weights themselves, x = base + δ.</summary>
    public double Product(int i, int j) => BaseBase + DeltaBase[i] + DeltaBase[j] + DeltaDelta[i, j];

    /// <summary>The matrix in which the δ are taken for the weights themselves.</summary>
    internal TensorGram OfDeltas() => new(0, new double[DeltaBase.Count], DeltaDelta);
}
