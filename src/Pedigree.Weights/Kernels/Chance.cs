using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using System.Text;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// Random numbers that are a function of a key and a position, so that they are the same in whatever order and on whatever
/// machine they are asked for: SplitMix64 (Steele, Lea and Flood, <i>Fast splittable pseudorandom number generators</i>, 2014),
/// whose state is a counter. One number of 64 bits serves two elements.
/// </summary>
internal static unsafe class Chance
{
    private const ulong Step = 0x9E3779B97F4A7C15;

    /// <summary>The key of a model's numbers in a tensor.</summary>
    public static ulong Key(long seed, string tensor, string model) => BinaryPrimitives.ReadUInt64LittleEndian(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{seed.ToString(CultureInfo.InvariantCulture)}\n{tensor}\n{model}")));

    /// <summary>
    /// Sets elements to zero but for those whose number, as a fraction of 2³², is below <paramref name="density"/>.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="start">Position of the first element.</param>
    /// <param name="values">The elements, padded.</param>
    /// <param name="count">Padded number of elements.</param>
    /// <param name="density">0 … 1.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Keep(ulong key, long start, float* values, int count, double density)
    {
        var limit = Vector512.Create(Limit(density));
        for (var i = 0; i < count; i += 16)
        {
            var kept = Vector512.LessThan(Numbers(key, start + i), limit).AsSingle();
            (Vector512.Load(values + i) & kept).Store(values + i);
        }
    }

    /// <summary>The number that as many of all are below as a probability says.</summary>
    public static uint Limit(double probability) => (uint)Math.Min(Math.Round(probability * 4294967296.0), uint.MaxValue);

    /// <summary>The numbers of 16 positions from <paramref name="start"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Numbers(ulong key, long start)
    {
        var first = Pairs(key, (ulong)start >> 1);
        if ((start & 1) == 0)
            return first.AsUInt32();
        // From an odd position on: the second halves, each followed by the first half of the next pair.
        var next = Pairs(key, ((ulong)start >> 1) + 1);
        return ((first >> 32) | (next << 32)).AsUInt32();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Pairs(ulong key, ulong pair)
    {
        var state = Vector512.Create(key + (pair * Step)) + (Vector512.Create(1UL, 2, 3, 4, 5, 6, 7, 8) * Vector512.Create(Step));
        state = (state ^ (state >> 30)) * Vector512.Create(0xBF58476D1CE4E5B9UL);
        state = (state ^ (state >> 27)) * Vector512.Create(0x94D049BB133111EBUL);
        return state ^ (state >> 31);
    }
}
