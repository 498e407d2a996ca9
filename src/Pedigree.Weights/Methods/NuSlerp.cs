using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Methods;

/// <summary>
/// NuSLERP: spherical linear interpolation (see <see cref="Slerp"/>) between v₀ and v₁ at <c>t = w₁/(w₀ + w₁)</c>, or 0.5 where
/// the weights sum to less than 10⁻⁶ (Goddard, mergekit, 2024). v are the weights, or the task vectors where there is a base
/// model. Each tensor is one vector; with <c>nuslerp_flatten: false</c> each row by itself, and with <c>nuslerp_row_wise</c> each
/// vector along the first dimension, in mergekit's words.
/// </summary>
/// <remarks>
/// As in mergekit, only where <c>sinθ &lt; 10⁻⁸</c> it is linear, and vectors shorter than 10⁻⁷ are divided by that, so that a
/// zero vector stands at a right angle.
/// </remarks>
internal sealed class NuSlerp : IWeightedSumMethod, IElementwiseMethod
{
    private const double Parallel = 1e-8;
    private const double Shortest = 1e-7;

    public string Name => "nuslerp";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [new("weight", ByModel: true), MergeParameter.Flag(
            "nuslerp_flatten", true), MergeParameter.Flag("nuslerp_row_wise", false)];

    public (int Fewest, int Most) Models => (2, 2);

    public BaseModel BaseModel => BaseModel.OptionalOrigin;

    public bool NeedsGram => true;

    public bool IsWeightedSum(IReadOnlyDictionary<string, double[]> parameters) => parameters["nuslerp_flatten"][0] != 0;

    public double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters)
    {
        var (first, second) = Coefficients(gram.Product(0, 0), gram.Product(1, 1), gram.Product(0, 1), Ratio(parameters));
        return [first, second];
    }

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters)
    {
        var t = Ratio(parameters);
        return parameters["nuslerp_row_wise"][0] != 0 && tensor.Shape.Count > 1
            ? new AlongFirst(tensor, t)
            : new AlongLast(tensor, t);
    }

    private static double Ratio(IReadOnlyDictionary<string, double[]> parameters)
    {
        var weights = parameters["weight"];
        return Math.Abs(weights.Sum()) < 1e-6 ? 0.5 : weights[1] / weights.Sum();
    }

    /// <summary>Of v₀ and v₁, from their squared lengths and their product.</summary>
    private static (double First, double Second) Coefficients(double square0, double square1, double product, double t)
    {
        static double Length(double square) => Math.Max(Shortest, Math.Sqrt(Math.Max(0, square)));
        var angle = Math.Acos(Math.Clamp(product / (Length(square0) * Length(square1)), -1, 1));
        var sine = Math.Sin(angle);
        return Math.Abs(sine) < Parallel ? (1 - t, t) : (Math.Sin((1 - t) * angle) / sine, Math.Sin(t * angle) / sine);
    }

    /// <summary>v₀ and v₁ in a block, and their origin, or zeros, in the result.</summary>
    private static unsafe (nint First, nint Second) Begin(TensorSources tensor, TensorBlock block)
    {
        if (!tensor.HasOrigin)
        {
            block.Result.Clear();
            return ((nint)block.WeightsPointer(0), (nint)block.WeightsPointer(1));
        }
        block.Origin().CopyTo(block.Result);
        return ((nint)block.DeltaPointer(0), (nint)block.DeltaPointer(1));
    }

    private sealed unsafe class AlongLast(TensorSources tensor, double t) : IElementwiseMerge
    {
        public bool WholeRows => true;

        public void Merge(TensorBlock block)
        {
            var (first, second) = Begin(tensor, block);
            var columns = (int)tensor.Columns;
            for (var start = 0; start < block.Count; start += columns)
            {
                var a = (float*)first + start;
                var b = (float*)second + start;
                var (ca, cb) = Coefficients(
                    Rows.Product(a, a, columns), Rows.Product(b, b, columns), Rows.Product(a, b, columns), t);
                Rows.AddScaled(block.ResultPointer + start, a, (float)ca, columns);
                Rows.AddScaled(block.ResultPointer + start, b, (float)cb, columns);
            }
        }
    }

    private sealed unsafe class AlongFirst : IElementwiseMerge
    {
        private readonly TensorSources _tensor;
        private readonly float[] _first;
        private readonly float[] _second;

        public AlongFirst(TensorSources tensor, double t)
        {
            _tensor = tensor;
            var width = checked((int)(tensor.Count / Math.Max(1, tensor.Shape[0])));
            (_first, _second) = (new float[width], new float[width]);
            tensor.PassColumns(width, (start, count, blocks) =>
            {
                var sums = new double[3 * count];
                fixed (double* products = sums)
                    foreach (var block in blocks)
                    {
                        var (a, b) = Begin(tensor, block);
                        Rows.AddProducts((float*)a, (float*)a, products, count);
                        Rows.AddProducts((float*)b, (float*)b, products + count, count);
                        Rows.AddProducts((float*)a, (float*)b, products + (2 * count), count);
                    }
                for (var i = 0; i < count; i++)
                {
                    var (ca, cb) = Coefficients(sums[i], sums[count + i], sums[(2 * count) + i], t);
                    (_first[start + i], _second[start + i]) = ((float)ca, (float)cb);
                }
            });
        }

        public void Merge(TensorBlock block)
        {
            var (a, b) = Begin(_tensor, block);
            fixed (float* first = _first, second = _second)
                for (var start = 0; start < block.Count;)
                {
                    var column = (int)((block.Start + start) % _first.Length);
                    var count = Math.Min(_first.Length - column, block.Count - start);
                    Rows.AddScaled(block.ResultPointer + start, (float*)a + start, first + column, count);
                    Rows.AddScaled(block.ResultPointer + start, (float*)b + start, second + column, count);
                    start += count;
                }
        }
    }
}
