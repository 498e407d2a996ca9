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
    public const int Chunk = 256;

    /// <summary>Float64 lanes of an accumulator.</summary>
    public const int Lanes = 16;

    private const int Group = 32;

    // Elements by which reading runs ahead.
    private const int Ahead = 1024;

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
                Prefetch.At(source + ((start + Ahead) * T.Size));
                even.Store(target + start);
                odd.Store(target + start + 16);
                evenSum += even;
                oddSum += odd;
            }
        else
            for (var start = 0; start < whole; start += Group)
            {
                T.Load(source + (start * T.Size), out var even, out var odd);
                Prefetch.At(source + ((start + Ahead) * T.Size));
                even -= Vector512.Load(origin + start);
                odd -= Vector512.Load(origin + start + 16);
                even.Store(target + start);
                odd.Store(target + start + 16);
                evenSum += even;
                oddSum += odd;
            }
        Flush(evenSum, oddSum, sum);
        return whole == count ? whole : whole
            + Rest<T>(source + (whole * T.Size), origin == null ? null : origin + whole, target + whole, count - whole, sum);
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

    /// <summary>
    /// Adds the products of the first vectors with each other, ⟨0,0⟩, ⟨1,0⟩, ⟨1,1⟩ …, to the accumulators
    /// <paramref name="sums"/> and returns how many vectors it took: four of four or more, else two. Each is loaded once for all
    /// its products; the numbers and their order are those of <see cref="Row"/>.
    /// </summary>
    public static int Corner(float** vectors, int n, int count, double** sums)
    {
        if (n < 4)
        {
            Corner2(vectors, count, sums);
            return 2;
        }
        Corner4(vectors, count, sums);
        return 4;
    }

    /// <summary>The lanes of an accumulator added in order.</summary>
    public static double Total(double* lanes)
    {
        var total = 0.0;
        for (var i = 0; i < Lanes; i++)
            total += lanes[i];
        return total;
    }

    /// <summary>Three products of two vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Corner2(float** vectors, int count, double** sums)
    {
        var v0 = vectors[0];
        var v1 = vectors[1];
        Vector512<float> even00 = default, odd00 = default;
        Vector512<float> even10 = default, odd10 = default;
        Vector512<float> even11 = default, odd11 = default;
        for (var i = 0; i < count; i += Group)
        {
            var even0 = Vector512.Load(v0 + i);
            var even1 = Vector512.Load(v1 + i);
            even00 = Vector512.FusedMultiplyAdd(even0, even0, even00);
            even10 = Vector512.FusedMultiplyAdd(even1, even0, even10);
            even11 = Vector512.FusedMultiplyAdd(even1, even1, even11);
            var odd0 = Vector512.Load(v0 + i + 16);
            var odd1 = Vector512.Load(v1 + i + 16);
            odd00 = Vector512.FusedMultiplyAdd(odd0, odd0, odd00);
            odd10 = Vector512.FusedMultiplyAdd(odd1, odd0, odd10);
            odd11 = Vector512.FusedMultiplyAdd(odd1, odd1, odd11);
        }
        Flush(even00, odd00, sums[0]);
        Flush(even10, odd10, sums[1]);
        Flush(even11, odd11, sums[2]);
    }

    /// <summary>Ten products of four vectors.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Corner4(float** vectors, int count, double** sums)
    {
        var v0 = vectors[0];
        var v1 = vectors[1];
        var v2 = vectors[2];
        var v3 = vectors[3];
        Vector512<float> even00 = default, odd00 = default;
        Vector512<float> even10 = default, odd10 = default;
        Vector512<float> even11 = default, odd11 = default;
        Vector512<float> even20 = default, odd20 = default;
        Vector512<float> even21 = default, odd21 = default;
        Vector512<float> even22 = default, odd22 = default;
        Vector512<float> even30 = default, odd30 = default;
        Vector512<float> even31 = default, odd31 = default;
        Vector512<float> even32 = default, odd32 = default;
        Vector512<float> even33 = default, odd33 = default;
        for (var i = 0; i < count; i += Group)
        {
            var even0 = Vector512.Load(v0 + i);
            var even1 = Vector512.Load(v1 + i);
            var even2 = Vector512.Load(v2 + i);
            var even3 = Vector512.Load(v3 + i);
            even00 = Vector512.FusedMultiplyAdd(even0, even0, even00);
            even10 = Vector512.FusedMultiplyAdd(even1, even0, even10);
            even11 = Vector512.FusedMultiplyAdd(even1, even1, even11);
            even20 = Vector512.FusedMultiplyAdd(even2, even0, even20);
            even21 = Vector512.FusedMultiplyAdd(even2, even1, even21);
            even22 = Vector512.FusedMultiplyAdd(even2, even2, even22);
            even30 = Vector512.FusedMultiplyAdd(even3, even0, even30);
            even31 = Vector512.FusedMultiplyAdd(even3, even1, even31);
            even32 = Vector512.FusedMultiplyAdd(even3, even2, even32);
            even33 = Vector512.FusedMultiplyAdd(even3, even3, even33);
            var odd0 = Vector512.Load(v0 + i + 16);
            var odd1 = Vector512.Load(v1 + i + 16);
            var odd2 = Vector512.Load(v2 + i + 16);
            var odd3 = Vector512.Load(v3 + i + 16);
            odd00 = Vector512.FusedMultiplyAdd(odd0, odd0, odd00);
            odd10 = Vector512.FusedMultiplyAdd(odd1, odd0, odd10);
            odd11 = Vector512.FusedMultiplyAdd(odd1, odd1, odd11);
            odd20 = Vector512.FusedMultiplyAdd(odd2, odd0, odd20);
            odd21 = Vector512.FusedMultiplyAdd(odd2, odd1, odd21);
            odd22 = Vector512.FusedMultiplyAdd(odd2, odd2, odd22);
            odd30 = Vector512.FusedMultiplyAdd(odd3, odd0, odd30);
            odd31 = Vector512.FusedMultiplyAdd(odd3, odd1, odd31);
            odd32 = Vector512.FusedMultiplyAdd(odd3, odd2, odd32);
            odd33 = Vector512.FusedMultiplyAdd(odd3, odd3, odd33);
        }
        Flush(even00, odd00, sums[0]);
        Flush(even10, odd10, sums[1]);
        Flush(even11, odd11, sums[2]);
        Flush(even20, odd20, sums[3]);
        Flush(even21, odd21, sums[4]);
        Flush(even22, odd22, sums[5]);
        Flush(even30, odd30, sums[6]);
        Flush(even31, odd31, sums[7]);
        Flush(even32, odd32, sums[8]);
        Flush(even33, odd33, sums[9]);
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

    /// <summary>Adds float32 sums of even and odd elements to the lanes of an accumulator.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Flush(Vector512<float> even, Vector512<float> odd, double* sums)
    {
        (Vector512.Load(sums) + (Vector512.WidenLower(even) + Vector512.WidenLower(odd))).Store(sums);
        (Vector512.Load(sums + 8) + (Vector512.WidenUpper(even) + Vector512.WidenUpper(odd))).Store(sums + 8);
    }
}
