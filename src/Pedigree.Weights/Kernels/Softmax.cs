using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// Divergence of softmaxes in float64. Exponential and logarithm are made of additions, multiplications and divisions alone, so
/// that they are the same to the last bit on every machine.
/// </summary>
internal static unsafe class Softmax
{
    // Added to every probability, as in mergekit.
    private const double Least = 1e-8;

    /// <summary><c>Σ p·ln(p/q)</c> of p = softmax(x) + 10⁻⁸ and q = softmax(y) + 10⁻⁸; never negative.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Divergence(float* x, float* y, int count)
    {
        var (maxX, maxY) = (Greatest(x, count), Greatest(y, count));
        var (overX, overY) = (Vector512.Create(1 / Sum(x, maxX, count)), Vector512.Create(1 / Sum(y, maxY, count)));
        var least = Vector512.Create(Least);
        var total = Vector512<double>.Zero;
        for (var i = 0; i < count; i += 8)
        {
            var p = (Exponential(Eight(x, i, count) - Vector512.Create(maxX)) * overX) + least;
            var q = (Exponential(Eight(y, i, count) - Vector512.Create(maxY)) * overY) + least;
            total += Present(p * Logarithm(p / q), i, count);
        }
        return Math.Max(0, Added(total));
    }

    private static double Greatest(float* x, int count)
    {
        var greatest = x[0];
        for (var i = 1; i < count; i++)
            greatest = Math.Max(greatest, x[i]);
        return greatest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Sum(float* x, double greatest, int count)
    {
        var sum = Vector512<double>.Zero;
        for (var i = 0; i < count; i += 8)
            sum += Present(Exponential(Eight(x, i, count) - Vector512.Create(greatest)), i, count);
        return Added(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Eight(float* x, int at, int count)
    {
        if (at + 8 <= count)
        {
            var (lower, upper) = Vector256.Widen(Vector256.Load(x + at));
            return Vector512.Create(lower, upper);
        }
        var rest = stackalloc double[8];
        for (var i = 0; i < 8; i++)
            rest[i] = at + i < count ? x[at + i] : x[at];
        return Vector512.Load(rest);
    }

    /// <summary>Zero in lanes past the end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Present(Vector512<double> values, int at, int count) => at + 8 <= count ? values
        : values & Vector512.LessThan(Vector512.Create(0.0, 1, 2, 3, 4, 5, 6, 7), Vector512.Create((double)(count - at)));

    private static double Added(Vector512<double> values)
    {
        var sum = 0.0;
        for (var lane = 0; lane < 8; lane++)
            sum += values[lane];
        return sum;
    }

    /// <summary>eˣ for x ≤ 0: 2ⁿ·eʳ with |r| ≤ ln2/2, and eʳ by its series to the thirteenth power.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Exponential(Vector512<double> x)
    {
        x = Vector512.Max(x, Vector512.Create(-700.0));
        // Adding and taking away 1.5·2⁵² rounds to whole numbers, which the last bits then hold.
        var shift = Vector512.Create(6755399441055744.0);
        var shifted = (x * Vector512.Create(1.4426950408889634)) + shift;
        var n = shifted - shift;
        // ln 2 in two parts, of which the first times n is exact.
        var r = (x - (n * Vector512.Create(0.693147180369123816490))) - (n * Vector512.Create(1.90821492927058770002e-10));
        var series = Vector512.Create(1.0 / 6227020800);
        foreach (var inverse in (ReadOnlySpan<double>)[
            1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
            1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1])
            series = (series * r) + Vector512.Create(inverse);
        return series * ((shifted.AsInt64() + Vector512.Create(1023L)) << 52).AsDouble();
    }

    /// <summary>
    /// ln x for normal x: the exponent's part, and 2·artanh((m − 1)/(m + 1)) of a mantissa near 1 by its series.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Logarithm(Vector512<double> x)
    {
        // So that the mantissa is from √½ to √2.
        var bits = x.AsInt64() - Vector512.Create(0x3FE6A09E667F3BCDL);
        var exponent = bits >> 52;
        var mantissa = (x.AsInt64() - (exponent << 52)).AsDouble();
        var s = (mantissa - Vector512<double>.One) / (mantissa + Vector512<double>.One);
        var square = s * s;
        var series = Vector512.Create(1.0 / 21);
        foreach (var inverse in (ReadOnlySpan<double>)[
            1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7, 1.0 / 5, 1.0 / 3, 1])
            series = (series * square) + Vector512.Create(inverse);
        return (Vector512.ConvertToDouble(exponent) * Vector512.Create(0.6931471805599453))
            + (s * series * Vector512.Create(2.0));
    }
}
