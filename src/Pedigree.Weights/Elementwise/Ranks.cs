using System.Buffers;
using System.Numerics;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Elementwise;

/// <summary>
/// The k-th largest of all magnitudes of a vector as long as a tensor, exact and without sorting: two passes count, first by the
/// upper bits of the numbers, then those that share the upper bits of the one that is sought by the lower bits.
/// </summary>
internal static unsafe class Ranks
{
    /// <summary>A vector as long as the tensor: the stretch of it at a block, padded with zeros.</summary>
    public delegate float* Vector(TensorBlock block, int vector);

    /// <param name="tensor">The tensor.</param>
    /// <param name="load">Gives the vectors.</param>
    /// <param name="sought">Vector and k of each magnitude that is sought; 1 ≤ k ≤ number of elements.</param>
    /// <param name="wholeRows">Whether blocks must consist of whole rows.</param>
    /// <returns>For each its bits, and how many elements of just this magnitude are among the k largest.</returns>
    public static (uint Magnitude, long Equal)[] Find(
        TensorSources tensor, Vector load, IReadOnlyList<(int Vector, long K)> sought, bool wholeRows = false)
    {
        int[] vectors = [.. sought.Select(one => one.Vector).Distinct()];
        var coarse = Count(tensor, vectors.Length, 1 << Magnitudes.Coarse, (block, counts) =>
        {
            for (var i = 0; i < vectors.Length; i++)
                Magnitudes.CountCoarse(load(block, vectors[i]), block.Count, counts + (i << Magnitudes.Coarse));
        }, wholeRows);
        var found =
            sought.Select(one => Bucket(coarse, Array.IndexOf(vectors, one.Vector), 1 << Magnitudes.Coarse, one.K)).ToArray();
        Return(coarse);
        var fine = Count(tensor, sought.Count, 1 << Magnitudes.Fine, (block, counts) =>
        {
            foreach (var vector in vectors)
            {
                var values = load(block, vector);
                for (var i = 0; i < sought.Count; i++)
                    if (sought[i].Vector == vector)
                        Magnitudes.CountFine(values, block.Count, block.Padded, found[i].Bucket, counts + (i << Magnitudes.Fine));
            }
        }, wholeRows);
        var exact = found.Select((coarser, i) => Bucket(fine, i, 1 << Magnitudes.Fine, coarser.Left)).ToArray();
        Return(fine);
        return [.. found.Zip(exact, (coarser, finer) => ((coarser.Bucket << Magnitudes.Fine) | finer.Bucket, finer.Left))];
    }

    /// <summary>Bytes that each thread takes to seek so many magnitudes.</summary>
    public static long CounterBytes(int sought) =>
        sought == 0 ? 0 : Rented(sought << Magnitudes.Coarse) + Rented(sought << Magnitudes.Fine);

    private static long Rented(int counters) => BitOperations.RoundUpToPowerOf2((uint)counters) * (long)sizeof(uint);

    private unsafe delegate void Counter(TensorBlock block, uint* counts);

    // Each thread's counters. They are rented: to touch new memory for every tensor would take as long as to count.
    private static IReadOnlyList<uint[]> Count(TensorSources tensor, int vectors, int buckets, Counter count, bool wholeRows) =>
        tensor.Pass(() => Rent(vectors * buckets), (counts, block) =>
        {
            fixed (uint* first = counts)
                count(block, first);
        }, wholeRows);

    private static uint[] Rent(int counters)
    {
        var counts = ArrayPool<uint>.Shared.Rent(counters);
        Array.Clear(counts, 0, counters);
        return counts;
    }

    private static void Return(IReadOnlyList<uint[]> all)
    {
        foreach (var counts in all)
            ArrayPool<uint>.Shared.Return(counts);
    }

    /// <summary>The bucket of a vector's k-th largest, and which of the bucket's it is.</summary>
    private static (uint Bucket, long Left) Bucket(IReadOnlyList<uint[]> all, int vector, int buckets, long k)
    {
        for (var bucket = buckets - 1; ; bucket--)
        {
            var count = 0L;
            foreach (var counts in all)
                count += counts[(vector * buckets) + bucket];
            if (count >= k)
                return ((uint)bucket, k);
            k -= count;
        }
    }
}
