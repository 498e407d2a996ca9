using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// Magnitudes of float32 vectors, as the bits without the sign: they are in the order of the numbers. Vectors are padded with
/// zeros; <c>padded</c> is their length with, <c>count</c> without the padding.
/// </summary>
internal static unsafe class Magnitudes
{
    /// <summary>Bits of a magnitude by which it is first counted.</summary>
    public const int Coarse = 15;

    /// <summary>Bits by which those of one coarse bucket are told apart.</summary>
    public const int Fine = 16;

    private const uint WithoutSign = 0x7FFFFFFF;

    /// <summary>Σ|x| in float64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Sum(float* values, int padded)
    {
        var lower = Vector512<double>.Zero;
        var upper = Vector512<double>.Zero;
        for (var i = 0; i < padded; i += 16)
        {
            var magnitude = Vector512.Abs(Vector512.Load(values + i));
            lower += Vector512.WidenLower(magnitude);
            upper += Vector512.WidenUpper(magnitude);
        }
        var sum = 0.0;
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
            sum += lower[lane] + upper[lane];
        return sum;
    }

    /// <summary>Counts elements by the upper bits of their magnitude.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CountCoarse(float* values, int count, uint* buckets)
    {
        var bits = (uint*)values;
        for (var i = 0; i < count; i++)
            buckets[(bits[i] & WithoutSign) >> Fine]++;
    }

    /// <summary>Counts the elements of one coarse bucket by the lower bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void CountFine(float* values, int count, int padded, uint bucket, uint* buckets)
    {
        var bits = (uint*)values;
        for (var i = 0; i < padded; i += 16)
        {
            var coarse = (Vector512.Load(bits + i) & Vector512.Create(WithoutSign)) >> Fine;
            for (var found = Vector512.Equals(coarse, Vector512.Create(bucket))
                .ExtractMostSignificantBits(); found != 0; found &= found - 1)
            {
                var at = i + BitOperations.TrailingZeroCount(found);
                if (at < count)
                    buckets[bits[at] & 0xFFFF]++;
            }
        }
    }

    /// <summary>Counts elements of exactly one magnitude, which is not 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int CountEqual(float* values, int padded, uint magnitude)
    {
        var counts = Vector512<uint>.Zero;
        for (var i = 0; i < padded; i += 16)
            counts -= Vector512.Equals(
                Vector512.Load((uint*)values + i) & Vector512.Create(WithoutSign), Vector512.Create(magnitude));
        return (int)Vector512.Sum(counts);
    }

    /// <summary>
    /// Sets elements to zero that are smaller than a magnitude, and all of just this magnitude but for the first
    /// <paramref name="equal"/>; or, if <paramref name="keep"/> is false, all others.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Cut(float* values, int padded, uint magnitude, int equal, bool keep)
    {
        var bits = (uint*)values;
        var inverse = Vector512.Create(keep ? 0u : uint.MaxValue);
        for (var i = 0; i < padded; i += 16)
        {
            var value = Vector512.Load(bits + i);
            var size = value & Vector512.Create(WithoutSign);
            var above = Vector512.GreaterThan(size, Vector512.Create(magnitude));
            if (equal > 0)
            {
                var same = Vector512.Equals(size, Vector512.Create(magnitude));
                var found = BitOperations.PopCount(same.ExtractMostSignificantBits());
                if (found > equal)
                    for (var lane = 15; found > equal; lane--)
                        if (same[lane] != 0)
                        {
                            same = same.WithElement(lane, 0u);
                            found--;
                        }
                equal -= found;
                above |= same;
            }
            (value & (above ^ inverse)).Store(bits + i);
        }
    }
}
