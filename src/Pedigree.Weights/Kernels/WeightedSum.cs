using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// <c>Σ cᵢ·xᵢ</c>, multiplied and added in order in float64 and rounded once to the output type (nearest, ties to even).
/// </summary>
/// <remarks>
/// For 16-bit outputs it is first computed in float32 with a bound of its error; only where the bound spans a boundary between
/// two roundings is float64 consulted, so the result is the float64 one at nearly the speed of float32. How often that is depends
/// on the coefficients: seldom for those of a SLERP, often for those of a mean, whose sums are often halfway between two values.
/// </remarks>
internal static unsafe class WeightedSum
{
    private const int Group = 32;

    // Elements by which reading runs ahead.
    private const int Ahead = 1024;

    // Elements after which the way is thought over, and how many groups of them in doubt make float64 the quicker one.
    private const int Stretch = 128 * Group;
    private const int Doubts = 40;

    /// <summary>
    /// Writes <paramref name="count"/> elements; returns false if any of them is not finite (then an input is not, or the result
    /// overflows the output type).
    /// </summary>
    public delegate bool Kernel(byte** sources, double* coefficients, int n, byte* target, int count);

    /// <summary>The kernel for inputs all of one type.</summary>
    public static Kernel For(DType input, DType output) => (input, output) switch
    {
        (DType.BF16, DType.BF16) => Narrow<BF16, BF16>,
        (DType.BF16, DType.F16) => Narrow<BF16, F16>,
        (DType.BF16, DType.F32) => Wide<BF16>,
        (DType.F16, DType.BF16) => Narrow<F16, BF16>,
        (DType.F16, DType.F16) => Narrow<F16, F16>,
        (DType.F16, DType.F32) => Wide<F16>,
        (DType.F32, DType.BF16) => Narrow<F32, BF16>,
        (DType.F32, DType.F16) => Narrow<F32, F16>,
        (DType.F32, DType.F32) => Wide<F32>,
        _ => throw new ArgumentOutOfRangeException(nameof(input), $"{input} to {output} is not merged"),
    };

    private static bool Narrow<TIn, TOut>(byte** sources, double* coefficients, int n, byte* target, int count)
        where TIn : IElement
        where TOut : INarrowElement
    {
        var whole = count / Group * Group;
        var finite = true;
        var doubts = 0;
        if (n == 2)
            finite = PairSum.Narrow<TIn, TOut>(sources, coefficients, target, count);
        else
            for (var start = 0; start < whole; start += Stretch)
            {
                var end = Math.Min(start + Stretch, whole);
                finite &= doubts > Doubts ? InDoubles<TIn, TOut>(sources, coefficients, n, target, start, end)
                    : InSingles<TIn, TOut>(sources, coefficients, n, target, start, end, out doubts);
            }
        return finite & Exact<TIn, TOut>(sources, coefficients, n, target, whole, count);
    }

    /// <summary>With a bound of the error: in doubt where the bound spans a boundary between two roundings.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool InSingles<TIn, TOut>(
        byte** sources, double* coefficients, int n, byte* target, int start, int end, out int doubts)
        where TIn : IElement
        where TOut : INarrowElement
    {
        var singles = stackalloc float[n];
        for (var i = 0; i < n; i++)
            singles[i] = (float)coefficients[i];
        // In units of 2⁻²⁴ of Σ|cᵢ·xᵢ|: one for the coefficient, one for each product and sum, two for the bounds themselves.
        var bound = Vector512.Create((n + 4) / 16777216f);
        var finite = true;
        doubts = 0;
        for (; start < end; start += Group)
        {
            TIn.Load(sources[0] + ((long)start * TIn.Size), out var evenX, out var oddX);
            Prefetch.At(sources[0] + ((long)(start + Ahead) * TIn.Size));
            var coefficient = Vector512.Create(singles[0]);
            var even = coefficient * evenX;
            var odd = coefficient * oddX;
            var evenSize = Vector512.Abs(even);
            var oddSize = Vector512.Abs(odd);
            for (var i = 1; i < n; i++)
            {
                TIn.Load(sources[i] + ((long)start * TIn.Size), out evenX, out oddX);
                Prefetch.At(sources[i] + ((long)(start + Ahead) * TIn.Size));
                coefficient = Vector512.Create(singles[i]);
                var evenTerm = coefficient * evenX;
                var oddTerm = coefficient * oddX;
                even += evenTerm;
                odd += oddTerm;
                evenSize += Vector512.Abs(evenTerm);
                oddSize += Vector512.Abs(oddTerm);
            }
            var low = TOut.Round(
                Vector512.FusedMultiplyAdd(-evenSize, bound, even), Vector512.FusedMultiplyAdd(-oddSize, bound, odd));
            var high = TOut.Round(
                Vector512.FusedMultiplyAdd(evenSize, bound, even), Vector512.FusedMultiplyAdd(oddSize, bound, odd));
            if (low == high && TOut.IsSafe(low))
                low.Store((ushort*)(target + ((long)start * 2)));
            else
            {
                doubts++;
                finite &= InDoubles<TIn, TOut>(sources, coefficients, n, target, start, start + Group);
            }
        }
        return finite;
    }

    /// <summary>As it is defined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool InDoubles<TIn, TOut>(byte** sources, double* coefficients, int n, byte* target, int start, int end)
        where TIn : IElement
        where TOut : INarrowElement
    {
        var exponent = Vector512.Create(TOut.Exponent);
        var infinite = Vector512<ushort>.Zero;
        for (; start < end; start += Group)
        {
            Doubles<TIn>(sources, coefficients, n, start, out var even0, out var even1, out var odd0, out var odd1);
            var rounded = TOut.RoundToEven(ToOdd(even0, even1), ToOdd(odd0, odd1));
            infinite |= Vector512.Equals(rounded & exponent, exponent);
            rounded.Store((ushort*)(target + ((long)start * 2)));
        }
        return infinite == Vector512<ushort>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Wide<TIn>(byte** sources, double* coefficients, int n, byte* target, int count)
        where TIn : IElement
    {
        var nonFinite = Vector512<float>.Zero;
        var start = 0;
        for (; start + Group <= count; start += Group)
        {
            Doubles<TIn>(sources, coefficients, n, start, out var even0, out var even1, out var odd0, out var odd1);
            var even = Vector512.Narrow(even0, even1);
            var odd = Vector512.Narrow(odd0, odd1);
            // x − x is zero for finite x and NaN for all others.
            nonFinite += (even - even) + (odd - odd);
            F32.Store(target + ((long)start * 4), even, odd);
        }
        return Vector512.EqualsAll(nonFinite, Vector512<float>.Zero)
            & Exact<TIn, F32>(sources, coefficients, n, target, start, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Doubles<TIn>(
        byte** sources, double* coefficients, int n, int start,
        out Vector512<double> even0, out Vector512<double> even1, out Vector512<double> odd0, out Vector512<double> odd1)
        where TIn : IElement
    {
        TIn.Load(sources[0] + ((long)start * TIn.Size), out var even, out var odd);
        Prefetch.At(sources[0] + ((long)(start + Ahead) * TIn.Size));
        var coefficient = Vector512.Create(coefficients[0]);
        even0 = coefficient * Vector512.WidenLower(even);
        even1 = coefficient * Vector512.WidenUpper(even);
        odd0 = coefficient * Vector512.WidenLower(odd);
        odd1 = coefficient * Vector512.WidenUpper(odd);
        for (var i = 1; i < n; i++)
        {
            TIn.Load(sources[i] + ((long)start * TIn.Size), out even, out odd);
            Prefetch.At(sources[i] + ((long)(start + Ahead) * TIn.Size));
            coefficient = Vector512.Create(coefficients[i]);
            even0 += coefficient * Vector512.WidenLower(even);
            even1 += coefficient * Vector512.WidenUpper(even);
            odd0 += coefficient * Vector512.WidenLower(odd);
            odd1 += coefficient * Vector512.WidenUpper(odd);
        }
    }

    /// <summary>
    /// To float32 towards zero with 14 bits behind the first, the last set where anything was lost: rounding it again to a type
    /// of 16 bits cannot mistake it for a tie. So few bits that not even the smallest bfloat16 loses any in float32.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> ToOdd(Vector512<double> lower, Vector512<double> upper) =>
        Vector512.Narrow(ToOdd(lower), ToOdd(upper));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> ToOdd(Vector512<double> value)
    {
        var below = Vector512.Create((1UL << 38) - 1);
        var bits = value.AsUInt64();
        return ((bits | ((bits & below) + below)) & ~below).AsDouble();
    }

    private static bool Exact<TIn, TOut>(byte** sources, double* coefficients, int n, byte* target, int start, int end)
        where TIn : IElement
        where TOut : IElement
    {
        var finite = true;
        for (var at = start; at < end; at++)
        {
            var sum = coefficients[0] * TIn.Read(sources[0] + ((long)at * TIn.Size));
            for (var i = 1; i < n; i++)
                sum += coefficients[i] * TIn.Read(sources[i] + ((long)at * TIn.Size));
            TOut.Write(target + ((long)at * TOut.Size), sum);
            finite &= double.IsFinite(TOut.Read(target + ((long)at * TOut.Size)));
        }
        return finite;
    }
}
