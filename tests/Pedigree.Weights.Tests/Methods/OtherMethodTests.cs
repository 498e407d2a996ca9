using CsCheck;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Methods;
using Pedigree.Weights.Tests.Grams;
using Xunit;

namespace Pedigree.Weights.Tests.Methods;

/// <summary>Each method that does not thin out task vectors against its formula in float64.</summary>
public sealed class OtherMethodTests
{
    private static readonly Gen<double[]> Weights = Gen.Int[1, 37].Select(i => i / 37.0).Array[3];

    /// <summary>The merged elements of vectors: of the whole tensor or of one of its rows.</summary>
    private delegate double[] Mix(double[] origin, double[][] models);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Linear(bool normalize) =>
        Weights.Sample(weights => Check("linear", null, $"normalize: {Word(normalize)}", weights,
            (_, models) => Sum(models, weights.Select(weight => normalize ? weight / weights.Sum() : weight))), iter: 3);

    [Fact]
    public void Passthrough() => Gen.Double[-2, 2].Sample(scale => Check(
        "passthrough", null, $"scale: {Merged.Number(scale)}", [1], (_, models) => Sum(models, [scale]), weight: null), iter: 3);

    [Fact]
    public void Slerp() => Gen.Double[0, 1].Sample(t => Check("slerp", "m1", $"t: {Merged.Number(t)}", [1, 1], (_, models) =>
        Spherical(models[1], models[0], t, cosine => Math.Abs(cosine) > 0.9995, 1e-8, zeroAsIs: true), weight: null), iter: 3);

    [Theory]
    [InlineData(null, "", "whole")]
    [InlineData("base", "", "whole")]
    [InlineData(null, "nuslerp_flatten: false", "last")]
    [InlineData("base", "nuslerp_flatten: false", "last")]
    [InlineData(null, "nuslerp_flatten: false, nuslerp_row_wise: true", "first")]
    [InlineData("base", "nuslerp_flatten: false, nuslerp_row_wise: true", "first")]
    public void Nuslerp(string? baseModel, string parameters, string vectors) =>
        Weights.Sample(weights => Check("nuslerp", baseModel, parameters, weights[..2],
            (origin, models) =>
            {
                var moved = baseModel is null ? models : vectors == "whole" ? Exact(models, origin) : Deltas(models, origin);
                // Between nearly opposite vectors any direction is as good: the float32 in which parts of
                // tensors are merged cannot tell.
                if (vectors != "whole"
                    && origin.Length > 1
                    && Product(moved[0], moved[1]) < -0.995 * Length(moved[0]) * Length(moved[1]))
                    return [.. origin.Select(_ => double.NaN)];
                var merged = Spherical(moved[0], moved[1], weights[1] / (weights[0] + weights[1]),
                    cosine => Math.Sin(Math.Acos(Math.Clamp(cosine, -1, 1))) < 1e-8, 1e-7, zeroAsIs: false);
                return baseModel is null ? merged : Sum([merged, origin], [1, 1]);
            }, vectors), iter: 3);

    [Theory]
    [InlineData(null, true)]
    [InlineData("base", true)]
    [InlineData(null, false)]
    [InlineData("base", false)]
    public void Multislerp(string? baseModel, bool normalize) => Weights.Where(HaveAMeanDirection).Sample(weights =>
        Check("multislerp", baseModel, $"normalize_weights: {Word(normalize)}", weights, (origin, models) =>
        {
            double[] shares = [.. weights.Select(weight => normalize ? weight / weights.Sum() : weight)];
            var moved = baseModel is null ? models : Exact(models, origin);
            double[][] units = [.. moved.Select(vector => Sum([vector], [1 / (Length(vector) + 1e-8)]))];
            var mean = Sum(units, shares);
            if (Length(mean) < 1e-8)
                return origin;
            mean = Sum([mean], [1 / Length(mean)]);
            var tangent = Sum([.. units.Select(unit => Sum([unit, mean], [1, -Product(unit, mean)]))], shares);
            var arc = Length(tangent) + 1e-8;
            var merged = Sum([mean, tangent], [Math.Cos(arc), Math.Sin(arc) / arc]);
            var norm = shares.Zip(moved, (share, vector) => share * Length(vector)).Sum();
            return baseModel is null ? Sum([merged], [norm]) : Sum([merged, origin], [norm, 1]);
        }), iter: 3);

    [Fact]
    public void Multislerp_of_directions_that_cancel_out_is_refused()
    {
        // 7 and 12 to one side, 19 to the other.
        double[] vectors = [1, 2, -3];
        var products = new double[3, 3];
        for (var i = 0; i < 3; i++)
            for (var j = 0; j < 3; j++)
                products[i, j] = vectors[i] * vectors[j];
        var error = Assert.Throws<ArgumentException>(
            () => new MultiSlerp().Coefficients(new(0, [0, 0, 0], products), new Dictionary<string, double[]>
            {
                ["weight"] = [7 / 37.0, 12 / 37.0, 19 / 37.0],
                ["normalize_weights"] = [1],
                ["eps"] = [1e-8],
            }));
        Assert.Contains("cancel out", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Karcher() => Check("karcher", null, "max_iter: 20, tol: 1e-9", [1, 1, 1], (_, models) =>
    {
        double[][] units = [.. models.Where(model => Length(model) > 1e-9).Select(model => Sum([model], [1 / Length(model)]))];
        if (units.Length == 0)
            return models[0];
        var mean = Sum(units, units.Select(_ => 1.0));
        mean = Sum([mean], [1 / Length(mean)]);
        for (var iteration = 0; iteration < 40; iteration++)
        {
            double[][] tangents = [.. units.Select(unit =>
            {
                var angle = Math.Acos(Math.Clamp(Product(unit, mean), -1, 1));
                var factor = angle < 1e-9 ? 1 : angle / Math.Sin(angle);
                return Sum([unit, mean], [factor, -factor * Math.Cos(angle)]);
            })];
            var step = Sum(tangents, tangents.Select(_ => 1.0 / units.Length));
            if (Length(step) < 1e-10)
                break;
            mean = Sum([mean, step], [Math.Cos(Length(step)), Math.Sin(Length(step)) / Length(step)]);
        }
        return Sum([mean], [models.Average(Length)]);
    }, weight: null);

    [Theory]
    [InlineData("", "whole")]
    [InlineData("filter_wise: true", "last")]
    public void Model_stock(string parameters, string vectors) =>
        Check("model_stock", "base", parameters, [1, 1, 1], (origin, models) =>
        {
            var deltas = vectors == "whole" ? Exact(models, origin) : Deltas(models, origin);
            double Cosine(int i, int j) =>
                Length(deltas[i]) * Length(deltas[j]) is > 0 and var lengths ? Product(deltas[i], deltas[j]) / lengths : 0;
            var cosine = (Cosine(0, 1) + Cosine(0, 2) + Cosine(1, 2)) / 3;
            // Near its pole t is as uncertain as the cosine, or as large in float32.
            if (Math.Abs(1 + (2 * cosine)) < (vectors == "whole" ? 1e-4 : 0.05))
                return [.. origin.Select(_ => double.NaN)];
            var t = 3 * cosine / (1 + (2 * cosine));
            return Sum([origin, .. models], [1 - t, t / 3, t / 3, t / 3]);
        }, vectors, weight: null);

    [Fact]
    public void Sce() => Gen.Double[0.05, 1].Sample(
        share => Check("sce", "base", share > 0.8 ? "" : $"select_topk: {Merged.Number(share)}", [1, 1, 1], (origin, models) =>
        {
            var deltas = Deltas(models, origin);
            if (share <= 0.8)
            {
                // As it is computed: in float32, in order.
                double[] variance = [.. origin.Select((_, at) =>
                {
                    var sum = 0f;
                    foreach (var delta in deltas)
                        sum += (float)delta[at];
                    var (mean, squares) = (sum / 3, 0f);
                    foreach (var delta in deltas)
                        squares += ((float)delta[at] - mean) * ((float)delta[at] - mean);
                    return (double)(squares / 3);
                })];
                var ranks = Formulas.Ranks(variance);
                var kept = Math.Floor(share * variance.Count(value => value != 0));
                deltas = [.. deltas.Select(delta => (double[])[.. delta.Select((value, at) => ranks[at] < kept ? value : 0)])];
            }
            double[] squaresOf = [.. deltas.Select(delta => Product(delta, delta))];
            var total = squaresOf.Sum();
            double[] weights = [.. squaresOf.Select(square => total > 0 ? square / total : 1 / 3.0)];
            return [.. origin.Select((x, at) =>
            {
                double[] own = [.. deltas.Select(delta => delta[at])];
                // The sign is that of the sum as it stands, not of the weighted one.
                if (Math.Abs(own.Sum()) < 1e-6 * own.Sum(Math.Abs))
                    return double.NaN;
                int[] agreeing = [.. Enumerable.Range(0, 3).Where(i => Math.Sign(own[i]) == (own.Sum() >= 0 ? 1 : -1))];
                var divisor = agreeing.Sum(i => weights[i]);
                return x + (agreeing.Sum(i => weights[i] * own[i]) / (divisor == 0 ? 1 : divisor));
            })];
        }, weight: null), iter: 4);

    [Fact]
    public void Nearswap() =>
        Gen.Double[0, 0.4].Sample(t => Check("nearswap", "m1", $"t: {Merged.Number(t)}", [1, 1], (_, models) =>
            [.. models[1].Zip(models[0], (x, y) => x == y ? x : x + (Math.Min(1, t / Math.Abs(y - x)) * (y - x)))],
            weight: null), iter: 3);

    [Fact]
    public void Arcee_fusion() => Check("arcee_fusion", "m1", "", [1, 1], null!, weight: null, whole: (tensor, models) =>
    {
        var (x, y) = (models[1], models[0]);
        var columns = (int)(tensor.Shape.Count == 0 ? 1 : tensor.Shape[^1]);
        static double[] Softmax(double[] row)
        {
            var greatest = row.Max();
            var sum = row.Sum(value => Math.Exp(value - greatest));
            return [.. row.Select(value => (Math.Exp(value - greatest) / sum) + 1e-8)];
        }
        double[] divergences = [.. x.Chunk(columns).Zip(y.Chunk(columns), (from, to) =>
            Math.Max(0, Softmax(to).Zip(Softmax(from), (p, q) => p * Math.Log(p / q)).Sum()))];
        double[] importance = [.. x.Select((_, at) => Math.Abs(y[at] - x[at]) * divergences[at / columns])];
        double[] sorted = [.. importance.Order()];
        if (sorted.Length == 0)
            return [];
        double Quartile(int i) => sorted[(sorted.Length - 1) * i / 4];
        var threshold = Quartile(2) + (1.5 * (Quartile(3) - Quartile(1)));
        // Rows of one element have no divergence but rounding; and where an importance is the threshold itself, rounding decides.
        return [.. x.Select(
            (value, at) => columns == 1 ? y[at] : Math.Abs(importance[at] - threshold) <= 1e-5 * threshold ? double.NaN
                : importance[at] >= threshold ? y[at] : value)];
    });

    [Fact]
    public void Ram() => Gen.Double[1e-5, 0.3].Sample(
        epsilon => Check("ram", "base", $"epsilon: {Merged.Number(epsilon)}", [1, 1, 1], (origin, models) =>
            [.. origin.Select((x, at) => x + Shared(Deltas(models, origin), at, (float)epsilon, [1, 1, 1]))], weight: null),
        iter: 3);

    [Theory]
    [InlineData("epsilon: 0.2", 0.1, 0.2)]
    [InlineData("epsilon: 0.2, r: 0.5, alpha: 3", 0.5, 3)]
    public void Ramplus_tl(string parameters, double r, double alpha) =>
        Check("ramplus_tl", "base", parameters, [1, 1, 1], (origin, models) =>
        {
            var deltas = Deltas(models, origin);
            bool Changed(int model, int at) => Math.Abs(deltas[model][at]) > 0.2f;
            int Number(int at) => Enumerable.Range(0, 3).Count(model => Changed(model, at));
            double[] factors = [.. Enumerable.Range(0, 3).Select(model =>
            {
                var alone = origin.Where((_, at) => Changed(model, at) && Number(at) == 1).Count();
                var shared = origin.Where((_, at) => Changed(model, at) && Number(at) > 1).Count();
                return 1 + (r * Math.Clamp(shared / Math.Max(alone, 1e-5), 0, alpha));
            })];
            return [.. origin.Select((x, at) => x + Shared(deltas, at, 0.2f, factors))];
        }, weight: null);

    private static double Shared(double[][] deltas, int at, float epsilon, double[] factors)
    {
        int[] changed = [.. Enumerable.Range(0, 3).Where(model => Math.Abs(deltas[model][at]) > epsilon)];
        return changed.Length switch
        {
            0 => 0,
            1 => factors[changed[0]] * deltas[changed[0]][at],
            _ => changed.Average(model => deltas[model][at]),
        };
    }

    /// <summary>Merges random families of as many models as there are weights and compares each vector.</summary>
    private static void Check(
        string method, string? baseModel, string parameters, double[] weights, Mix mix, string vectors = "whole",
        string? weight = "weight",
        Func<Tensor, double[][], double[]>? whole = null) =>
        Gen.Select(Samples.DTypes, Samples.Shapes, Gen.Int).Sample((dType, shapes, seed) =>
        {
            using var family = new Family(dType, shapes, weights.Length, seed);
            using var child = Merged.Child(family, Merged.Configuration(method, weights.Length, baseModel, parameters,
                [.. weights.Select(value => weight is null ? "" : $"{weight}: {Merged.Number(value)}")]));
            Samples.Compare(child, family, dType, (tensor, origin, models) =>
            {
                if (whole is not null)
                    return whole(tensor, models);
                var merged = new double[origin.Length];
                foreach (var group in Enumerable.Range(0, origin.Length).GroupBy(at => Vector(tensor, vectors, at)))
                {
                    int[] places = [.. group];
                    double[] Of(double[] all) => [.. places.Select(at => all[at])];
                    foreach (var (at, value) in places.Zip(mix(Of(origin), [.. models.Select(Of)])))
                        merged[at] = value;
                }
                return merged;
            });
        }, iter: 3);

    private static long Vector(Tensor tensor, string vectors, int at) => vectors switch
    {
        "last" when tensor.Shape.Count > 1 => at / tensor.Shape[^1],
        "first" when tensor.Shape.Count > 1 => at % (tensor.Count / tensor.Shape[0]),
        _ => 0,
    };

    private static double[] Spherical(
        double[] first, double[] second, double t, Func<double, bool> isLinear, double shortest, bool zeroAsIs)
    {
        double Divisor(double[] vector) => Length(vector) > shortest ? Length(vector) : zeroAsIs ? 1 : shortest;
        var cosine = Product(first, second) / (Divisor(first) * Divisor(second));
        if (isLinear(cosine))
            return Sum([first, second], [1 - t, t]);
        var angle = Math.Acos(Math.Clamp(cosine, -1, 1));
        return Sum([first, second], [Math.Sin((1 - t) * angle) / Math.Sin(angle), Math.Sin(t * angle) / Math.Sin(angle)]);
    }

    // Tensors of one element have but two directions: they cancel out where one weight is the sum of the others, or of one
    // other if the third δ is 0.
    private static bool HaveAMeanDirection(double[] weights) =>
        weights.All(weight => Math.Abs(weights.Sum() - (2 * weight)) > 1e-6) && weights.Distinct().Count() == weights.Length;

    private static double[][] Deltas(double[][] models, double[] origin) =>
        [.. models.Select(model => Samples.Delta(model, origin))];

    // As the inner products of small tensors have them; in large ones the rounding of a float32 averages out.
    private static double[][] Exact(double[][] models, double[] origin) =>
        [.. models.Select(model => (double[])[.. model.Zip(origin, (x, y) => x - y)])];

    private static double[] Sum(double[][] vectors, IEnumerable<double> factors)
    {
        double[] all = [.. factors];
        return [.. vectors[0].Select((_, at) => vectors.Select((vector, i) => all[i] * vector[at]).Sum())];
    }

    private static double Product(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double Length(double[] vector) => Math.Sqrt(Product(vector, vector));

    private static string Word(bool value) => value ? "true" : "false";
}
