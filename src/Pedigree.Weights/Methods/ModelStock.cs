using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Methods;

/// <summary>
/// Model Stock: <c>t·mean(xᵢ) + (1 − t)·base</c> with <c>t = N·c/(1 + (N − 1)·c)</c>, c the mean cosine between any two of the N
/// task vectors, each tensor as one vector or, with <c>filter_wise</c>, each row by itself (Jang et al., <i>Model stock: all we
/// need is just a few fine-tuned models</i>, 2024).
/// </summary>
/// <remarks>
/// The cosine with a zero vector is 0. mergekit divides by at least 10⁻⁶, which makes the angle between short task vectors, those
/// of most normalisation weights, too wide; here lengths of every size count. Where the divisor of t is 0, as for two opposite
/// task vectors, whose mean is the base for every t, t is 0.
/// </remarks>
internal sealed unsafe class ModelStock : IWeightedSumMethod, IElementwiseMethod
{
    public string Name => "model_stock";

    public IReadOnlyList<MergeParameter> Parameters { get; } = [MergeParameter.Flag("filter_wise", false)];

    public (int Fewest, int Most) Models => (2, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Origin;

    public bool NeedsGram => true;

    public bool IsWeightedSum(IReadOnlyDictionary<string, double[]> parameters) => parameters["filter_wise"][0] == 0;

    public double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters)
    {
        var n = parameters["filter_wise"].Length;
        return [.. Enumerable.Repeat(Ratio(gram.Product, n) / n, n)];
    }

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters) =>
        new FilterWise(tensor);

    /// <summary>t, of the products of the task vectors.</summary>
    private static double Ratio(Func<int, int, double> product, int n)
    {
        var sum = 0.0;
        for (var i = 0; i < n; i++)
            for (var j = 0; j < i; j++)
                sum += Math.Sqrt(product(i, i)) * Math.Sqrt(product(j, j)) is > 0 and var lengths
                    ? Math.Clamp(product(i, j) / lengths, -1, 1)
                    : 0;
        var cosine = sum / (n * (n - 1) / 2);
        var divisor = 1 + ((n - 1) * cosine);
        return Math.Abs(divisor) > 1e-9 ? n * cosine / divisor : 0;
    }

    private sealed class FilterWise(TensorSources tensor) : IElementwiseMerge
    {
        public bool WholeRows => true;

        public void Merge(TensorBlock block)
        {
            var n = tensor.Models;
            var columns = (int)tensor.Columns;
            var deltas = stackalloc float*[n];
            for (var model = 0; model < n; model++)
                deltas[model] = block.DeltaPointer(model);
            block.Origin().CopyTo(block.Result);
            var products = new double[n, n];
            for (var start = 0; start < block.Count; start += columns)
            {
                for (var i = 0; i < n; i++)
                    for (var j = 0; j <= i; j++)
                        products[i, j] = Rows.Product(deltas[i] + start, deltas[j] + start, columns);
                var share = (float)(Ratio((i, j) => products[i, j], n) / n);
                for (var model = 0; model < n; model++)
                    Rows.AddScaled(block.ResultPointer + start, deltas[model] + start, share, columns);
            }
        }
    }
}
