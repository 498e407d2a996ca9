using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pedigree.Weights.Kernels;

/// <summary>Arithmetic on rows of float32, which may begin and end anywhere.</summary>
internal static unsafe class Rows
{
    /// <summary>⟨a, b⟩ in float64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double Product(float* a, float* b, int count)
    {
        var lower = Vector512<double>.Zero;
        var upper = Vector512<double>.Zero;
        var i = 0;
        for (; i + 16 <= count; i += 16)
        {
            var x = Vector512.Load(a + i);
            var y = Vector512.Load(b + i);
            lower += Vector512.WidenLower(x) * Vector512.WidenLower(y);
            upper += Vector512.WidenUpper(x) * Vector512.WidenUpper(y);
        }
        var sum = 0.0;
        for (var lane = 0; lane < Vector512<double>.Count; lane++)
            sum += lower[lane] + upper[lane];
        for (; i < count; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }

    /// <summary>Adds aᵢ·bᵢ to each element of <paramref name="sums"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddProducts(float* a, float* b, double* sums, int count)
    {
        var i = 0;
        for (; i + 16 <= count; i += 16)
        {
            var x = Vector512.Load(a + i);
            var y = Vector512.Load(b + i);
            (Vector512.Load(sums + i) + (Vector512.WidenLower(x) * Vector512.WidenLower(y))).Store(sums + i);
            (Vector512.Load(sums + i + 8) + (Vector512.WidenUpper(x) * Vector512.WidenUpper(y))).Store(sums + i + 8);
        }
        for (; i < count; i++)
            sums[i] += (double)a[i] * b[i];
    }

    /// <summary>Adds <c>factor·source</c> to <paramref name="target"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(float* target, float* source, float factor, int count)
    {
        var i = 0;
        for (; i + 16 <= count; i += 16)
            (Vector512.Load(target + i) + (Vector512.Create(factor) * Vector512.Load(source + i))).Store(target + i);
        for (; i < count; i++)
            target[i] += factor * source[i];
    }

    /// <summary>Adds <c>factorsᵢ·sourceᵢ</c> to <paramref name="target"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddScaled(float* target, float* source, float* factors, int count)
    {
        var i = 0;
        for (; i + 16 <= count; i += 16)
            (Vector512.Load(target + i) + (Vector512.Load(factors + i) * Vector512.Load(source + i))).Store(target + i);
        for (; i < count; i++)
            target[i] += factors[i] * source[i];
    }

    /// <summary>Writes <c>factor·|source|</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ScaledMagnitudes(float* target, float* source, float factor, int count)
    {
        var i = 0;
        for (; i + 16 <= count; i += 16)
            (Vector512.Create(factor) * Vector512.Abs(Vector512.Load(source + i))).Store(target + i);
        for (; i < count; i++)
            target[i] = factor * Math.Abs(source[i]);
    }
}
