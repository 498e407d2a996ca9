using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// Everything a Gram matrix asks of a base and four models of one type, straight from memory, as <see cref="PairProducts"/> does
/// for two: twenty sums are as many as registers hold, and so first those of the elements at even places are made, then those at
/// odd ones. The numbers and their order are those of <see cref="InnerProducts"/>.
/// </summary>
internal static unsafe class QuadProducts
{
    /// <summary>The base and its models.</summary>
    public const int Vectors = 5;

    /// <summary>Products of each vector with itself and those before it, then the sum of each.</summary>
    public const int Values = (Vectors * (Vectors + 1) / 2) + Vectors;

    private const int Group = 32;

    // Elements by which reading runs ahead.
    private const int Ahead = 1024;

    /// <summary>
    /// Adds ⟨0,0⟩, ⟨1,0⟩, ⟨1,1⟩ … and the sums, of base and δ, over all whole chunks of <paramref name="count"/> elements to the
    /// accumulators <paramref name="sums"/>; returns how many elements those are.
    /// </summary>
    public static int Add(DType dType, byte** sources, int count, double** sums)
    {
        var whole = count / InnerProducts.Chunk * InnerProducts.Chunk;
        switch (dType)
        {
            case DType.BF16:
                Add<BF16>(sources, whole, sums);
                break;
            case DType.F16:
                Add<F16>(sources, whole, sums);
                break;
            case DType.F32:
                Add<F32>(sources, whole, sums);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(dType));
        }
        return whole;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add<T>(byte** sources, int count, double** sums)
        where T : IElement
    {
        var even = stackalloc float[Values * 16];
        var odd = stackalloc float[Values * 16];
        for (var start = 0L; start < count; start += InnerProducts.Chunk)
        {
            Half<T, Even>(sources, start * T.Size, even);
            Half<T, Odd>(sources, start * T.Size, odd);
            for (var i = 0; i < Values; i++)
                InnerProducts.Flush(Vector512.Load(even + (i * 16)), Vector512.Load(odd + (i * 16)), sums[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Half<T, THalf>(byte** sources, long start, float* sums)
        where T : IElement
        where THalf : IHalf
    {
        var source0 = sources[0] + start;
        var source1 = sources[1] + start;
        var source2 = sources[2] + start;
        var source3 = sources[3] + start;
        var source4 = sources[4] + start;
        Vector512<float> p00 = default;
        Vector512<float> p10 = default, p11 = default;
        Vector512<float> p20 = default, p21 = default, p22 = default;
        Vector512<float> p30 = default, p31 = default, p32 = default, p33 = default;
        Vector512<float> p40 = default, p41 = default, p42 = default, p43 = default, p44 = default;
        Vector512<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default, sum4 = default;
        for (var at = 0L; at < InnerProducts.Chunk * T.Size; at += Group * T.Size)
        {
            Prefetch.At(source0 + at + (Ahead * T.Size));
            Prefetch.At(source1 + at + (Ahead * T.Size));
            Prefetch.At(source2 + at + (Ahead * T.Size));
            Prefetch.At(source3 + at + (Ahead * T.Size));
            Prefetch.At(source4 + at + (Ahead * T.Size));
            var v0 = THalf.Load<T>(source0 + at);
            sum0 += v0;
            p00 = Vector512.FusedMultiplyAdd(v0, v0, p00);
            var v1 = THalf.Load<T>(source1 + at) - v0;
            sum1 += v1;
            p10 = Vector512.FusedMultiplyAdd(v1, v0, p10);
            p11 = Vector512.FusedMultiplyAdd(v1, v1, p11);
            var v2 = THalf.Load<T>(source2 + at) - v0;
            sum2 += v2;
            p20 = Vector512.FusedMultiplyAdd(v2, v0, p20);
            p21 = Vector512.FusedMultiplyAdd(v2, v1, p21);
            p22 = Vector512.FusedMultiplyAdd(v2, v2, p22);
            var v3 = THalf.Load<T>(source3 + at) - v0;
            sum3 += v3;
            p30 = Vector512.FusedMultiplyAdd(v3, v0, p30);
            p31 = Vector512.FusedMultiplyAdd(v3, v1, p31);
            p32 = Vector512.FusedMultiplyAdd(v3, v2, p32);
            p33 = Vector512.FusedMultiplyAdd(v3, v3, p33);
            var v4 = THalf.Load<T>(source4 + at) - v0;
            sum4 += v4;
            p40 = Vector512.FusedMultiplyAdd(v4, v0, p40);
            p41 = Vector512.FusedMultiplyAdd(v4, v1, p41);
            p42 = Vector512.FusedMultiplyAdd(v4, v2, p42);
            p43 = Vector512.FusedMultiplyAdd(v4, v3, p43);
            p44 = Vector512.FusedMultiplyAdd(v4, v4, p44);
        }
        p00.Store(sums);
        p10.Store(sums + 16);
        p11.Store(sums + 32);
        p20.Store(sums + 48);
        p21.Store(sums + 64);
        p22.Store(sums + 80);
        p30.Store(sums + 96);
        p31.Store(sums + 112);
        p32.Store(sums + 128);
        p33.Store(sums + 144);
        p40.Store(sums + 160);
        p41.Store(sums + 176);
        p42.Store(sums + 192);
        p43.Store(sums + 208);
        p44.Store(sums + 224);
        sum0.Store(sums + 240);
        sum1.Store(sums + 256);
        sum2.Store(sums + 272);
        sum3.Store(sums + 288);
        sum4.Store(sums + 304);
    }

    private interface IHalf
    {
        static abstract Vector512<float> Load<T>(byte* source)
            where T : IElement;
    }

    private readonly struct Even : IHalf
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Load<T>(byte* source)
            where T : IElement
        {
            T.Load(source, out var even, out _);
            return even;
        }
    }

    private readonly struct Odd : IHalf
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<float> Load<T>(byte* source)
            where T : IElement
        {
            T.Load(source, out _, out var odd);
            return odd;
        }
    }
}
