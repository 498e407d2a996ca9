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

    // Bits that counting leaves away, and buckets: 32 for each power of two, for 16 powers of two.
    private const int Coarse = 18;
    private const int Counts = 512;

    // Elements of a row that are ranked by counting those smaller, at most.
    private const int Most = 512;

    private const uint WithoutSign = 0x7FFFFFFF;

    /// <summary>
    /// For each rank, from the smallest, the number below which its random number must be: as often as a probability says that
    /// rises evenly from <c>density − epsilon</c> to <c>density + epsilon</c>.
    /// </summary>
    public static uint[] Limits(int count, double density, double epsilon) => [.. Enumerable.Range(0, count).Select(rank =>
        Chance.Limit(count == 1 ? density : density - epsilon + (rank * 2 * epsilon / (count - 1))))];

    /// <summary>
    /// Sets elements to zero but for those whose random number is below the limit of their rank. Of equal
    /// ones the earlier rank higher.
    /// </summary>
    /// <remarks>
    /// Most need no rank: counted by the upper bits of their magnitude, they are known to have one of a few neighbouring ranks,
    /// and their number is below the limits of all of these or of none. For the others elements that are smaller are counted,
    /// unless they are so many that sorting is cheaper.
    /// </remarks>
    /// <param name="key">The key of the random numbers.</param>
    /// <param name="start">Position of the row in its tensor.</param>
    /// <param name="row">The elements.</param>
    /// <param name="ranked">The limit of each rank; as many as the row has elements.</param>
    /// <param name="scratch">Room for two and a half numbers of 64 bits an element.</param>
    public static void KeepByRank(ulong key, long start, float* row, ReadOnlySpan<uint> ranked, ulong* scratch)
    {
        var count = ranked.Length;
        var limits = (uint*)(scratch + (2L * count));
        if (!Counted(key, start, (uint*)row, ranked, limits, (uint*)scratch))
        {
            var sorted = Sort((uint*)row, count, scratch, scratch + count);
            for (var rank = 0; rank < ranked.Length; rank++)
                limits[(uint)sorted[rank]] = ranked[rank];
        }
        Keep(key, start, row, limits, count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Keep(ulong key, long start, float* row, uint* limits, int count)
    {
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

    /// <summary>
    /// A limit for each element that decides as that of its rank does; false if too many would have to be ranked.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Counted(ulong key, long start, uint* bits, ReadOnlySpan<uint> ranked, uint* limits, uint* numbers)
    {
        var count = ranked.Length;
        var largest = Largest(bits, count);
        // The magnitudes that the buckets tell apart; smaller ones are few, or zeros, for which it is the same.
        var floor = Math.Max(0, (int)(largest >> Coarse) - Counts + 1);
        // Until an element has its limit, its bucket stands there.
        Bucket(bits, count, (uint)floor, limits);
        var counts = stackalloc int[Counts];
        new Span<int>(counts, Counts).Clear();
        for (var i = 0; i < count; i++)
            counts[limits[i]]++;
        var least = stackalloc uint[Counts];
        var greatest = stackalloc uint[Counts];
        var first = 0;
        for (var bucket = 0; bucket < Counts; bucket++)
        {
            var next = first + counts[bucket];
            (least[bucket], greatest[bucket]) = next > first ? (ranked[first], ranked[next - 1]) : (0, 0);
            first = next;
        }
        for (var i = 0; i < count; i += 16)
        {
            var sixteen = Chance.Numbers(key, start + i);
            if (i + 16 <= count)
                sixteen.Store(numbers + i);
            else
                new Span<uint>(&sixteen, count - i).CopyTo(new(numbers + i, count - i));
        }
        var undecided = 0;
        for (var i = 0; i < count; i++)
        {
            var bucket = limits[i];
            limits[i] = least[bucket];
            if (numbers[i] - least[bucket] >= greatest[bucket] - least[bucket] || (bits[i] & WithoutSign) == 0)
                continue;
            if (++undecided > Most)
                return false;
            limits[i] = ranked[Rank(bits, count, i)];
        }
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Largest(uint* bits, int count)
    {
        var largest = Vector512<uint>.Zero;
        var i = 0;
        for (; i + 16 <= count; i += 16)
            largest = Vector512.Max(largest, Vector512.Load(bits + i) & Vector512.Create(WithoutSign));
        var greatest = 0u;
        for (var lane = 0; lane < 16; lane++)
            greatest = Math.Max(greatest, largest[lane]);
        for (; i < count; i++)
            greatest = Math.Max(greatest, bits[i] & WithoutSign);
        return greatest;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Bucket(uint* bits, int count, uint floor, uint* buckets)
    {
        var least = Vector512.Create(floor);
        var i = 0;
        for (; i + 16 <= count; i += 16)
            (Vector512.Max((Vector512.Load(bits + i) & Vector512.Create(WithoutSign)) >> Coarse, least) - least)
                .Store(buckets + i);
        for (; i < count; i++)
            buckets[i] = Math.Max((bits[i] & WithoutSign) >> Coarse, floor) - floor;
    }

    /// <summary>How many elements are smaller, or equal and later.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Rank(uint* bits, int count, int own)
    {
        var magnitude = bits[own] & WithoutSign;
        var smaller = Vector512<uint>.Zero;
        var at = 0;
        // Up to itself an element must be smaller, after it no larger.
        for (; at + 16 <= own; at += 16)
            smaller -= Vector512.LessThan(Vector512.Load(bits + at) & Vector512.Create(WithoutSign), Vector512.Create(magnitude));
        var rank = 0;
        for (; at < count && at < own + 16 - (own % 16); at++)
            rank += (bits[at] & WithoutSign) < magnitude + (at > own ? 1u : 0) ? 1 : 0;
        for (; at + 16 <= count; at += 16)
            smaller -= Vector512.LessThanOrEqual(
                Vector512.Load(bits + at) & Vector512.Create(WithoutSign), Vector512.Create(magnitude));
        for (; at < count; at++)
            rank += (bits[at] & WithoutSign) <= magnitude ? 1 : 0;
        return rank + (int)Vector512.Sum(smaller);
    }

    /// <summary>
    /// Indices in the lower halves, by rising magnitude; returns whichever of the two buffers holds the result.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong* Sort(uint* bits, int count, ulong* from, ulong* to)
    {
        // From the last to the first: the sort is stable, so of equal ones the earlier come out above.
        var any = 0u;
        var all = uint.MaxValue;
        for (var i = 0; i < count; i++)
        {
            var magnitude = bits[count - 1 - i] & WithoutSign;
            any |= magnitude;
            all &= magnitude;
            from[i] = ((ulong)magnitude << 32) | (uint)(count - 1 - i);
        }
        var counts = stackalloc int[Buckets];
        // Only the bits in which they differ: differences of short numbers have no lower ones, and most have
        // an exponent much the same.
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
