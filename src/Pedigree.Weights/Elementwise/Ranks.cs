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
    public static (uint Magnitude, long Equal)[] Find(TensorSources tensor, Vector load, IReadOnlyList<(int Vector, long K)> sought, bool wholeRows = false)
    {
        int[] vectors = [.. sought.Select(one => one.Vector).Distinct()];
        var coarse = Count(tensor, vectors.Length, 1 << Magnitudes.Coarse, (block, counts) =>
        {
            for (var i = 0; i < vectors.Length; i++)
                Magnitudes.CountCoarse(load(block, vectors[i]), block.Count, counts + (i << Magnitudes.Coarse));
        }, wholeRows);
        var found = sought.Select(one => Bucket(coarse[Array.IndexOf(vectors, one.Vector)], one.K)).ToArray();
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
        return [.. found.Select((coarser, i) =>
        {
            var (bucket, left) = Bucket(fine[i], coarser.Left);
            return ((coarser.Bucket << Magnitudes.Fine) | bucket, left);
        })];
    }

    /// <summary>Bytes that each thread takes to seek so many magnitudes, and as many that all share.</summary>
    public static (long Thread, long Shared) CounterBytes(int sought)
    {
        var counters = ((1L << Magnitudes.Coarse) + (1L << Magnitudes.Fine)) * sought;
        return (counters * sizeof(uint), counters * sizeof(long));
    }

    private unsafe delegate void Counter(TensorBlock block, uint* counts);

    private static long[][] Count(TensorSources tensor, int vectors, int buckets, Counter count, bool wholeRows)
    {
        var sums = Enumerable.Range(0, vectors).Select(_ => new long[buckets]).ToArray();
        foreach (var counts in tensor.Pass(() => new uint[vectors * buckets], (counts, block) =>
        {
            fixed (uint* first = counts)
                count(block, first);
        }, wholeRows))
            for (var i = 0; i < counts.Length; i++)
                sums[i / buckets][i % buckets] += counts[i];
        return sums;
    }

    /// <summary>The bucket of the k-th largest, and which of the bucket's it is.</summary>
    private static (uint Bucket, long Left) Bucket(long[] counts, long k)
    {
        var bucket = counts.Length - 1;
        for (; counts[bucket] < k; bucket--)
            k -= counts[bucket];
        return ((uint)bucket, k);
    }
}
