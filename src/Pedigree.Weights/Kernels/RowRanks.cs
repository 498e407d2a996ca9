using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pedigree.Weights.Kernels;

/// <summary>The elements of one row by the rank of their magnitude, by sorting it.</summary>
internal static unsafe class RowRanks
{
    // Bits sorted by at a time; three times give the 31 of a magnitude, and some.
    private const int Digit = 11;
    private const int Buckets = 1 << Digit;

    /// <summary>
    /// Sets elements to zero but for those whose random number is below a probability that rises evenly with the rank, from
    /// <c>density − epsilon</c> for the smallest to <c>density + epsilon</c>. Of equal ones the earlier rank higher.
    /// </summary>
    /// <param name="key">The key of the random numbers.</param>
    /// <param name="start">Position of the row in its tensor.</param>
    /// <param name="row">The elements.</param>
    /// <param name="count">Their number.</param>
    /// <param name="density">The probability in the middle.</param>
    /// <param name="epsilon">How far it goes up and down.</param>
    /// <param name="scratch">Room for two and a half numbers of 64 bits an element.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void KeepByRank(ulong key, long start, float* row, int count, double density, double epsilon, ulong* scratch)
    {
        var sorted = Sort((uint*)row, count, scratch, scratch + count);
        var limits = (uint*)(scratch + (2L * count));
        var least = count == 1 ? density : density - epsilon;
        var step = count == 1 ? 0 : 2 * epsilon / (count - 1);
        for (var rank = 0; rank < count; rank++)
            limits[(uint)sorted[rank]] = Chance.Limit(least + (rank * step));
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
    private static ulong* Sort(uint* bits, int count, ulong* from, ulong* to)
    {
        var counts = stackalloc int[3 * Buckets];
        new Span<int>(counts, 3 * Buckets).Clear();
        // From the last to the first: the sort is stable, so of equal ones the earlier come out above.
        for (var i = count - 1; i >= 0; i--)
        {
            var magnitude = bits[i] & 0x7FFFFFFF;
            *from++ = ((ulong)magnitude << 32) | (uint)i;
            counts[magnitude & (Buckets - 1)]++;
            counts[Buckets + ((magnitude >> Digit) & (Buckets - 1))]++;
            counts[(2 * Buckets) + (magnitude >> (2 * Digit))]++;
        }
        from -= count;
        for (var digit = 0; digit < 3; digit++, counts += Buckets)
        {
            var shift = 32 + (digit * Digit);
            // Where all have one digit in common, as the lower ones of short numbers are, there is nothing to do.
            if (count == 0 || counts[(int)(from[0] >> shift) & (Buckets - 1)] == count)
                continue;
            var sum = 0;
            for (var bucket = 0; bucket < Buckets; bucket++)
                (counts[bucket], sum) = (sum, sum + counts[bucket]);
            for (var i = 0; i < count; i++)
                to[counts[(int)(from[i] >> shift) & (Buckets - 1)]++] = from[i];
            var swapped = from;
            from = to;
            to = swapped;
        }
        return from;
    }
}
