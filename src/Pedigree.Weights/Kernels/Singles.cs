using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// Weights as float32 and back. Vectors of float32 are in the order of the tensor and padded with zeros to a whole number of
/// <see cref="Group"/>, so that kernels have no tails.
/// </summary>
internal static unsafe class Singles
{
    /// <summary>Elements that kernels take at a time.</summary>
    public const int Group = 32;

    // Elements by which reading runs ahead.
    private const int Ahead = 1024;

    /// <summary>A number of elements, padded.</summary>
    public static int Padded(int count) => (count + Group - 1) & -Group;

    /// <summary>Reads <paramref name="count"/> elements, exact, and pads them; returns false if one is not finite.</summary>
    public static bool Load(DType dType, byte* source, float* target, int count) => dType switch
    {
        DType.BF16 => Load<BF16>(source, target, count),
        DType.F16 => Load<F16>(source, target, count),
        DType.F32 => Load<F32>(source, target, count),
        _ => throw new ArgumentOutOfRangeException(nameof(dType), $"{dType} is not merged"),
    };

    /// <summary>Rounds to nearest, ties to even; returns false if a result is not finite.</summary>
    public static bool Store(DType dType, float* source, byte* target, int count) => dType switch
    {
        DType.BF16 => StoreNarrow<BF16>(source, target, count),
        DType.F16 => StoreNarrow<F16>(source, target, count),
        DType.F32 => StoreSingle(source, target, count),
        _ => throw new ArgumentOutOfRangeException(nameof(dType), $"{dType} is not merged"),
    };

    /// <summary>Subtracts <paramref name="origin"/> from <paramref name="target"/>, both padded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Subtract(float* target, float* origin, int count)
    {
        for (var i = 0; i < count; i += Group)
        {
            (Vector512.Load(target + i) - Vector512.Load(origin + i)).Store(target + i);
            (Vector512.Load(target + i + 16) - Vector512.Load(origin + i + 16)).Store(target + i + 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Load<T>(byte* source, float* target, int count)
        where T : IElement
    {
        var nonFinite = Vector512<float>.Zero;
        var whole = count / Group * Group;
        for (var i = 0; i < whole; i += Group)
        {
            T.Load(source + ((long)i * T.Size), out var even, out var odd);
            Prefetch.At(source + ((long)(i + Ahead) * T.Size));
            // x − x is zero for finite x and NaN for all others.
            nonFinite += (even - even) + (odd - odd);
            F32.Store((byte*)(target + i), even, odd);
        }
        if (whole == count)
            return Vector512.EqualsAll(nonFinite, Vector512<float>.Zero);
        var padded = stackalloc byte[Group * 4];
        new Span<byte>(padded, Group * 4).Clear();
        new Span<byte>(source + ((long)whole * T.Size), (count - whole) * T.Size).CopyTo(new(padded, Group * 4));
        T.Load(padded, out var lastEven, out var lastOdd);
        F32.Store((byte*)(target + whole), lastEven, lastOdd);
        nonFinite += (lastEven - lastEven) + (lastOdd - lastOdd);
        return Vector512.EqualsAll(nonFinite, Vector512<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool StoreNarrow<T>(float* source, byte* target, int count)
        where T : INarrowElement
    {
        var exponent = Vector512.Create(T.Exponent);
        var infinite = Vector512<ushort>.Zero;
        var whole = count / Group * Group;
        for (var i = 0; i < whole; i += Group)
        {
            F32.Load((byte*)(source + i), out var even, out var odd);
            var rounded = T.RoundToEven(even, odd);
            infinite |= Vector512.Equals(rounded & exponent, exponent);
            rounded.Store((ushort*)target + i);
        }
        var finite = infinite == Vector512<ushort>.Zero;
        if (whole == count)
            return finite;
        F32.Load((byte*)(source + whole), out var lastEven, out var lastOdd);
        var last = T.RoundToEven(lastEven, lastOdd);
        new Span<ushort>(&last, count - whole).CopyTo(new((ushort*)target + whole, count - whole));
        for (var i = 0; i < count - whole; i++)
            finite &= (last[i] & T.Exponent) != T.Exponent;
        return finite;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool StoreSingle(float* source, byte* target, int count)
    {
        new Span<float>(source, count).CopyTo(new(target, count));
        var nonFinite = Vector512<float>.Zero;
        var whole = count / 16 * 16;
        for (var i = 0; i < whole; i += 16)
        {
            var value = Vector512.Load(source + i);
            nonFinite += value - value;
        }
        var finite = Vector512.EqualsAll(nonFinite, Vector512<float>.Zero);
        for (var i = whole; i < count; i++)
            finite &= float.IsFinite(source[i]);
        return finite;
    }
}
