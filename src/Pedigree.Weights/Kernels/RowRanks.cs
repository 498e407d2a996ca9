using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pedigree.Weights.Kernels;

/// <summary>The elements of one row by the rank of their magnitude, by sorting it.</summary>
internal static unsafe class RowRanks
{
    // Bits sorted by at a time: few, because for each row all buckets are gone through.
    private const int Digit = 8;
    private const int Buckets = 1 << Digit;

    /// <summary>
    /// For each rank, from the smallest, the number below which its random number must be: as often as a probability says that rises
    /// evenly from <c>density − epsilon</c> to <c>density + epsilon</c>.
    /// </summary>
    public static uint[] Limits(int count, double density, double epsilon) => [.. Enumerable.Range(0, count).Select(rank =>
        Chance.Limit(count == 1 ? density : density - epsilon + (rank * 2 * epsilon / (count - 1))))];

    /// <summary>Sets elements to zero but for those whose random number is below the limit of their rank. Of equal ones the earlier rank higher.</summary>
    /// <param name="key">The key of the random numbers.</param>
    /// <param name="start">Position of the row in its tensor.</param>
    /// <param name="row">The elements.</param>
    /// <param name="ranked">The limit of each rank; as many as the row has elements.</param>
    /// <param name="scratch">Room for two and a half numbers of 64 bits an element.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void KeepByRank(ulong key, long start, float* row, ReadOnlySpan<uint> ranked, ulong* scratch)
    {
        var count = ranked.Length;
        var sorted = Sort((uint*)row, count, scratch, scratch + count);
        var limits = (uint*)(scratch + (2L * count));
        for (var rank = 0; rank < ranked.Length; rank++)
            limits[(uint)sorted[rank]] = ranked[rank];
        var at = 0;
        for (; at + 16 <= count; at += 16)
        {
            var kept = Vector512.LessThan(Chance.Numbers(key, start + at), Vector512.Load(limits + at)).AsSingle();
            (Vector512.Load(row + at) & kept).Store(row + at);
        }
        if (at == count)
            return;
        var last = Chance.Numbers(key, start + at);
        for (var lane = 0; at < count; lane++, at++)
            if (last[lane] >= limits[at])
                row[at] = 0;
    }

    /// <summary>Indices in the lower halves, by rising magnitude; returns whichever of the two buffers holds the result.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong* Sort(uint* bits, int count, ulong* from, ulong* to)
    {
        // From the last to the first: the sort is stable, so of equal ones the earlier come out above.
        var any = 0u;
        var all = uint.MaxValue;
        for (var i = 0; i < count; i++)
        {
            var magnitude = bits[count - 1 - i] & 0x7FFFFFFF;
            any |= magnitude;
            all &= magnitude;
            from[i] = ((ulong)magnitude << 32) | (uint)(count - 1 - i);
        }
        var counts = stackalloc int[Buckets];
        // Only the bits in which they differ: differences of short numbers have no lower ones, and most have an exponent much the same.
        var (shift, end) = (BitOperations.TrailingZeroCount(any ^ all), BitOperations.Log2(any ^ all));
        for (; shift <= end; shift += Digit)
        {
            new Span<int>(counts, Buckets).Clear();
            for (var i = 0; i < count; i++)
                counts[(int)(from[i] >> (32 + shift)) & (Buckets - 1)]++;
            var sum = 0;
            for (var bucket = 0; bucket < Buckets; bucket++)
            {
                var number = counts[bucket];
                counts[bucket] = sum;
                sum += number;
            }
            for (var i = 0; i < count; i++)
                to[counts[(int)(from[i] >> (32 + shift)) & (Buckets - 1)]++] = from[i];
            var swapped = from;
            from = to;
            to = swapped;
        }
        return from;
    }
}
