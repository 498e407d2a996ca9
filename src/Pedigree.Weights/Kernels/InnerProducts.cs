using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// The arithmetic of a Gram matrix. Products are summed in float32 over <see cref="Chunk"/> elements and from there on in
/// float64 (relative error about 10⁻⁸). Every pair has accumulators of its own with one fixed structure of 32 lanes, so a value
/// depends only on the two vectors: not on the other vectors of the pass, the machine's vector width or the number of threads.
/// </summary>
internal static unsafe class InnerProducts
{
    /// <summary>Elements whose products are summed in float32; a vector of them stays in the first-level cache.</summary>
    public const int Chunk = 1024;

    /// <summary>Float64 lanes of an accumulator.</summary>
    public const int Lanes = 16;

    private const int Group = 32;

    /// <summary>
    /// Writes <c>x − base</c> in the order of <see cref="IElement"/>, padded with zeros to a whole number of groups, and adds
    /// its elements to the lanes of <paramref name="sum"/>. <paramref name="origin"/> is a vector written by a previous call, or
    /// null for x itself. Returns the padded count.
    /// </summary>
    public static int Difference(DType dType, byte* source, float* origin, float* target, int count, double* sum) => dType switch
    {
        DType.BF16 => Difference<BF16>(source, origin, target, count, sum),
        DType.F16 => Difference<F16>(source, origin, target, count, sum),
        DType.F32 => Difference<F32>(source, origin, target, count, sum),
        _ => throw new ArgumentOutOfRangeException(nameof(dType)),
    };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Difference<T>(byte* source, float* origin, float* target, int count, double* sum)
        where T : IElement
    {
        var evenSum = Vector512<float>.Zero;
        var oddSum = Vector512<float>.Zero;
        var whole = count / Group * Group;
        if (origin == null)
            for (var start = 0; start < whole; start += Group)
            {
                T.Load(source + (start * T.Size), out var even, out var odd);
                Prefetch.At(source + ((start + Chunk) * T.Size));
                even.Store(target + start);
                odd.Store(target + start + 16);
                evenSum += even;
                oddSum += odd;
            }
        else
            for (var start = 0; start < whole; start += Group)
            {
                T.Load(source + (start * T.Size), out var even, out var odd);
                Prefetch.At(source + ((start + Chunk) * T.Size));
                even -= Vector512.Load(origin + start);
                odd -= Vector512.Load(origin + start + 16);
                even.Store(target + start);
                odd.Store(target + start + 16);
                evenSum += even;
                oddSum += odd;
            }
        Flush(evenSum, oddSum, sum);
        return whole == count ? whole : whole + Rest<T>(source + (whole * T.Size), origin == null ? null : origin + whole, target + whole, count - whole, sum);
    }

    private static int Rest<T>(byte* source, float* origin, float* target, int count, double* sum)
        where T : IElement
    {
        var padded = stackalloc byte[Group * 4];
        new Span<byte>(padded, Group * 4).Clear();
        new Span<byte>(source, count * T.Size).CopyTo(new(padded, Group * 4));
        return Difference<T>(padded, origin, target, Group, sum);
    }

    /// <summary>
    /// Adds ⟨row, columns[j]⟩ to accumulator j of <paramref name="sums"/> for <paramref name="n"/> columns of
    /// <paramref name="count"/> elements, a whole number of groups.
    /// </summary>
    public static void Row(float* row, float** columns, int n, int count, double* sums)
    {
        var j = 0;
        for (; j + 4 <= n; j += 4)
            Four(row, columns[j], columns[j + 1], columns[j + 2], columns[j + 3], count, sums + (j * Lanes));
        for (; j < n; j++)
            One(row, columns[j], count, sums + (j * Lanes));
    }

    /// <summary>The lanes of an accumulator added in order.</summary>
    public static double Total(double* lanes)
    {
        var total = 0.0;
        for (var i = 0; i < Lanes; i++)
            total += lanes[i];
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(float* a, float* b, int count, double* sums)
    {
        var even = Vector512<float>.Zero;
        var odd = Vector512<float>.Zero;
        for (var i = 0; i < count; i += Group)
        {
            even = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), even);
            odd = Vector512.FusedMultiplyAdd(Vector512.Load(a + i + 16), Vector512.Load(b + i + 16), odd);
        }
        Flush(even, odd, sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(float* a, float* b0, float* b1, float* b2, float* b3, int count, double* sums)
    {
        var even0 = Vector512<float>.Zero;
        var even1 = Vector512<float>.Zero;
        var even2 = Vector512<float>.Zero;
        var even3 = Vector512<float>.Zero;
        var odd0 = Vector512<float>.Zero;
        var odd1 = Vector512<float>.Zero;
        var odd2 = Vector512<float>.Zero;
        var odd3 = Vector512<float>.Zero;
        for (var i = 0; i < count; i += Group)
        {
            var even = Vector512.Load(a + i);
            var odd = Vector512.Load(a + i + 16);
            even0 = Vector512.FusedMultiplyAdd(even, Vector512.Load(b0 + i), even0);
            odd0 = Vector512.FusedMultiplyAdd(odd, Vector512.Load(b0 + i + 16), odd0);
            even1 = Vector512.FusedMultiplyAdd(even, Vector512.Load(b1 + i), even1);
            odd1 = Vector512.FusedMultiplyAdd(odd, Vector512.Load(b1 + i + 16), odd1);
            even2 = Vector512.FusedMultiplyAdd(even, Vector512.Load(b2 + i), even2);
            odd2 = Vector512.FusedMultiplyAdd(odd, Vector512.Load(b2 + i + 16), odd2);
            even3 = Vector512.FusedMultiplyAdd(even, Vector512.Load(b3 + i), even3);
            odd3 = Vector512.FusedMultiplyAdd(odd, Vector512.Load(b3 + i + 16), odd3);
        }
        Flush(even0, odd0, sums);
        Flush(even1, odd1, sums + Lanes);
        Flush(even2, odd2, sums + (2 * Lanes));
        Flush(even3, odd3, sums + (3 * Lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Flush(Vector512<float> even, Vector512<float> odd, double* sums)
    {
        (Vector512.Load(sums) + (Vector512.WidenLower(even) + Vector512.WidenLower(odd))).Store(sums);
        (Vector512.Load(sums + 8) + (Vector512.WidenUpper(even) + Vector512.WidenUpper(odd))).Store(sums + 8);
    }
}
