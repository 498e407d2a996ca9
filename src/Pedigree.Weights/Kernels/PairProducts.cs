using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// Everything a Gram matrix asks of two vectors of one type, straight from memory: a merge of two models needs nothing else. The
/// numbers and their order are those of <see cref="InnerProducts"/>.
/// </summary>
internal static unsafe class PairProducts
{
    private const int Group = 32;

    // Elements by which reading runs ahead.
    private const int Ahead = 2048;

    /// <summary>
    /// Adds ⟨a,a⟩, ⟨b,a⟩, ⟨b,b⟩ and the sums of a and b over all whole chunks of <paramref name="count"/> elements to the five
    /// accumulators of <paramref name="sums"/>; returns how many elements those are.
    /// </summary>
    public static int Add(DType dType, byte* a, byte* b, int count, double** sums)
    {
        var whole = count / InnerProducts.Chunk * InnerProducts.Chunk;
        switch (dType)
        {
            case DType.BF16:
                Add<BF16>(a, b, whole, sums);
                break;
            case DType.F16:
                Add<F16>(a, b, whole, sums);
                break;
            case DType.F32:
                Add<F32>(a, b, whole, sums);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(dType));
        }
        return whole;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add<T>(byte* a, byte* b, int count, double** sums)
        where T : IElement
    {
        var apart = b - a;
        for (var end = a + ((long)count * T.Size); a < end;)
        {
            Vector512<float> evenAA = default, oddAA = default;
            Vector512<float> evenBA = default, oddBA = default;
            Vector512<float> evenBB = default, oddBB = default;
            Vector512<float> evenSumA = default, oddSumA = default;
            Vector512<float> evenSumB = default, oddSumB = default;
            for (var chunk = a + (InnerProducts.Chunk * T.Size); a < chunk; a += Group * T.Size)
            {
                T.Load(a, out var evenA, out var oddA);
                T.Load(a + apart, out var evenB, out var oddB);
                Prefetch.At(a + (Ahead * T.Size));
                Prefetch.At(a + apart + (Ahead * T.Size));
                evenSumA += evenA;
                oddSumA += oddA;
                evenSumB += evenB;
                oddSumB += oddB;
                evenAA = Vector512.FusedMultiplyAdd(evenA, evenA, evenAA);
                oddAA = Vector512.FusedMultiplyAdd(oddA, oddA, oddAA);
                evenBA = Vector512.FusedMultiplyAdd(evenB, evenA, evenBA);
                oddBA = Vector512.FusedMultiplyAdd(oddB, oddA, oddBA);
                evenBB = Vector512.FusedMultiplyAdd(evenB, evenB, evenBB);
                oddBB = Vector512.FusedMultiplyAdd(oddB, oddB, oddBB);
            }
            InnerProducts.Flush(evenAA, oddAA, sums[0]);
            InnerProducts.Flush(evenBA, oddBA, sums[1]);
            InnerProducts.Flush(evenBB, oddBB, sums[2]);
            InnerProducts.Flush(evenSumA, oddSumA, sums[3]);
            InnerProducts.Flush(evenSumB, oddSumB, sums[4]);
        }
    }
}
