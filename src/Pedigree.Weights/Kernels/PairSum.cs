using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// <see cref="WeightedSum"/> of two, what merges mostly are, its coefficients kept in registers. Three ways lead to the same
/// elements, each quick where the others are not.
/// </summary>
internal static unsafe class PairSum
{
    private const int Group = 32;

    // Elements by which reading runs ahead.
    private const int Ahead = 1024;

    // Elements after which the way is thought over, and how many groups of them in doubt make float64 the quicker one.
    private const int Stretch = 128 * Group;
    private const int Doubts = 40;

    /// <summary>
    /// Writes all whole groups of <paramref name="count"/> elements; returns false if an element is not finite.
    /// </summary>
    public static bool Narrow<TIn, TOut>(byte** sources, double* coefficients, byte* target, int count)
        where TIn : IElement
        where TOut : INarrowElement
    {
        var a = sources[0];
        var b = sources[1];
        var (first, second) = (coefficients[0], coefficients[1]);
        var exact = IsShort<TIn>(first) && IsShort<TIn>(second);
        var finite = true;
        var doubts = 0;
        for (var start = 0; start + Group <= count; start += Stretch)
        {
            var length = Math.Min(Stretch, (count - start) / Group * Group);
            if (doubts > Doubts)
                finite &= InDoubles<TIn, TOut>(a, b, first, second, target, length);
            else if (exact)
                finite &= InShorts<TIn, TOut>(a, b, first, second, target, length, out doubts);
            else
                finite &= InSingles<TIn, TOut>(a, b, first, second, target, length, out doubts);
            a += (long)length * TIn.Size;
            b += (long)length * TIn.Size;
            target += (long)length * TOut.Size;
        }
        return finite;
    }

    /// <summary>Whether products with it are exact in float32, however small the element.</summary>
    private static bool IsShort<TIn>(double coefficient)
        where TIn : IElement =>
        Math.Abs(coefficient) <= 1 && double.IsInteger(coefficient * (1 << (24 - TIn.Digits)));

    /// <summary>With a bound of the error: in doubt where the bound spans a boundary between two roundings.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool InSingles<TIn, TOut>(
        byte* a, byte* b, double first, double second, byte* target, int count, out int doubts)
        where TIn : IElement
        where TOut : INarrowElement
    {
        var c0 = Vector512.Create((float)first);
        var c1 = Vector512.Create((float)second);
        var size1 = Vector512.Abs(c1);
        // In units of 2⁻²⁴ of |c₀·x₀| + |c₁·x₁|: one each for coefficient, product and sum, two for the bounds themselves.
        var bound = Vector512.Create(5 / 16777216f);
        var finite = true;
        doubts = 0;
        for (var start = 0; start < count; start += Group)
        {
            TIn.Load(a + (start * TIn.Size), out var evenA, out var oddA);
            TIn.Load(b + (start * TIn.Size), out var evenB, out var oddB);
            Prefetch.At(a + ((start + Ahead) * TIn.Size));
            Prefetch.At(b + ((start + Ahead) * TIn.Size));
            var even = c0 * evenA;
            var odd = c0 * oddA;
            var evenSize = Vector512.FusedMultiplyAdd(size1, Vector512.Abs(evenB), Vector512.Abs(even));
            var oddSize = Vector512.FusedMultiplyAdd(size1, Vector512.Abs(oddB), Vector512.Abs(odd));
            even = Vector512.FusedMultiplyAdd(c1, evenB, even);
            odd = Vector512.FusedMultiplyAdd(c1, oddB, odd);
            var low = TOut.Round(
                Vector512.FusedMultiplyAdd(-evenSize, bound, even), Vector512.FusedMultiplyAdd(-oddSize, bound, odd));
            var high = TOut.Round(
                Vector512.FusedMultiplyAdd(evenSize, bound, even), Vector512.FusedMultiplyAdd(oddSize, bound, odd));
            if (low == high && TOut.IsSafe(low))
                low.Store((ushort*)target + start);
            else
            {
                doubts++;
                finite &= InDoubles<TIn, TOut>(
                    a + (start * TIn.Size), b + (start * TIn.Size), first, second, target + (start * 2), Group);
            }
        }
        return finite;
    }

    /// <summary>With coefficients so short that products are exact: in doubt where the sum is not.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool InShorts<TIn, TOut>(
        byte* a, byte* b, double first, double second, byte* target, int count, out int doubts)
        where TIn : IElement
        where TOut : INarrowElement
    {
        var c0 = Vector512.Create((float)first);
        var c1 = Vector512.Create((float)second);
        var exponent = Vector512.Create(TOut.Exponent);
        var finite = true;
        doubts = 0;
        for (var start = 0; start < count; start += Group)
        {
            TIn.Load(a + (start * TIn.Size), out var evenA, out var oddA);
            TIn.Load(b + (start * TIn.Size), out var evenB, out var oddB);
            Prefetch.At(a + ((start + Ahead) * TIn.Size));
            Prefetch.At(b + ((start + Ahead) * TIn.Size));
            evenA *= c0;
            oddA *= c0;
            evenB *= c1;
            oddB *= c1;
            var even = evenA + evenB;
            var odd = oddA + oddB;
            // Whichever of the two is the larger: taken away from the sum it leaves the other only if nothing was lost.
            var lost = (even - evenA).AsUInt32() ^ evenB.AsUInt32() | (even - evenB).AsUInt32() ^ evenA.AsUInt32()
                | (odd - oddA).AsUInt32() ^ oddB.AsUInt32() | (odd - oddB).AsUInt32() ^ oddA.AsUInt32();
            var rounded = TOut.RoundToEven(even, odd);
            if (lost == Vector512<uint>.Zero && !Vector512.EqualsAny(rounded & exponent, exponent))
                rounded.Store((ushort*)target + start);
            else
            {
                doubts++;
                finite &= InDoubles<TIn, TOut>(
                    a + (start * TIn.Size), b + (start * TIn.Size), first, second, target + (start * 2), Group);
            }
        }
        return finite;
    }

    /// <summary>As it is defined.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool InDoubles<TIn, TOut>(byte* a, byte* b, double first, double second, byte* target, int count)
        where TIn : IElement
        where TOut : INarrowElement
    {
        var c0 = Vector512.Create(first);
        var c1 = Vector512.Create(second);
        var exponent = Vector512.Create(TOut.Exponent);
        var infinite = Vector512<ushort>.Zero;
        for (var start = 0; start < count; start += Group)
        {
            TIn.Load(a + (start * TIn.Size), out var evenA, out var oddA);
            TIn.Load(b + (start * TIn.Size), out var evenB, out var oddB);
            Prefetch.At(a + ((start + Ahead) * TIn.Size));
            Prefetch.At(b + ((start + Ahead) * TIn.Size));
            var rounded = TOut.RoundToEven(
                WeightedSum.ToOdd(
                    (c0 * Vector512.WidenLower(evenA)) + (c1 * Vector512.WidenLower(evenB)),
                    (c0 * Vector512.WidenUpper(evenA)) + (c1 * Vector512.WidenUpper(evenB))),
                WeightedSum.ToOdd(
                    (c0 * Vector512.WidenLower(oddA)) + (c1 * Vector512.WidenLower(oddB)),
                    (c0 * Vector512.WidenUpper(oddA)) + (c1 * Vector512.WidenUpper(oddB))));
            infinite |= Vector512.Equals(rounded & exponent, exponent);
            rounded.Store((ushort*)target + start);
        }
        return infinite == Vector512<ushort>.Zero;
    }
}
