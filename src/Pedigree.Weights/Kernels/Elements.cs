using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// An element type that is merged. Vectors hold 32 elements as two halves: those at even and those at odd places, because bf16
/// splits that way by a shift and a mask. The order is the same for every type, so that sums do not depend on it.
/// </summary>
internal unsafe interface IElement
{
    /// <summary>Bytes an element.</summary>
    static abstract int Size { get; }

    /// <summary>Binary digits of the significand.</summary>
    static abstract int Digits { get; }

    /// <summary>The 32 elements at <paramref name="source"/>, exact.</summary>
    static abstract void Load(byte* source, out Vector512<float> even, out Vector512<float> odd);

    /// <summary>One element, exact.</summary>
    static abstract double Read(byte* source);

    /// <summary>One element, correctly rounded: nearest, ties to even.</summary>
    static abstract void Write(byte* target, double value);
}

/// <summary>An element type of 16 bits.</summary>
internal interface INarrowElement : IElement
{
    /// <summary>Rounds 32 values to nearest; where a value lies exactly between two, either will do.</summary>
    static abstract Vector512<ushort> Round(Vector512<float> even, Vector512<float> odd);

    /// <summary>Rounds 32 values to nearest, ties to even.</summary>
    static abstract Vector512<ushort> RoundToEven(Vector512<float> even, Vector512<float> odd);

    /// <summary>The bits of the exponent: all set in infinities and NaN.</summary>
    static abstract ushort Exponent { get; }

    /// <summary>Whether no element is infinite, NaN or so small that float32 could not compute it to its own precision.</summary>
    static abstract bool IsSafe(Vector512<ushort> values);
}

/// <summary>bfloat16: the upper half of a float32.</summary>
internal readonly unsafe struct BF16 : INarrowElement
{
    public static int Size => 2;

    public static int Digits => 8;

    public static ushort Exponent => 0x7F80;

    // One added, exponents of all ones become 0 and those up to 2 no more than 3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsSafe(Vector512<ushort> values) =>
        !Vector512.EqualsAny(
            (values + Vector512.Create((ushort)0x0080)) & Vector512.Create((ushort)0x7E00), Vector512<ushort>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* source, out Vector512<float> even, out Vector512<float> odd)
    {
        var bits = Vector512.Load((uint*)source);
        even = (bits << 16).AsSingle();
        odd = (bits & Vector512.Create(0xFFFF0000u)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ushort> Round(Vector512<float> even, Vector512<float> odd)
    {
        var half = Vector512.Create(0x8000u);
        return (((even.AsUInt32() + half) >> 16) | ((odd.AsUInt32() + half) & Vector512.Create(0xFFFF0000u))).AsUInt16();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ushort> RoundToEven(Vector512<float> even, Vector512<float> odd) =>
        ((RoundToEven(even) >> 16) | (RoundToEven(odd) & Vector512.Create(0xFFFF0000u))).AsUInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> RoundToEven(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
        // A NaN with many bits set would otherwise be carried into another exponent.
        return Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), rounded, Vector512.Create(0x7FC00000u));
    }

    public static double Read(byte* source) => BitConverter.UInt32BitsToSingle((uint)*(ushort*)source << 16);

    public static void Write(byte* target, double value)
    {
        // To float32 with the last bit set where anything was lost: the second rounding then cannot mistake it for a tie.
        var single = (float)value;
        var bits = BitConverter.SingleToUInt32Bits(single);
        if (single != value && !double.IsNaN(value))
        {
            if (Math.Abs((double)single) > Math.Abs(value))
                bits--;
            bits |= 1;
        }
        *(ushort*)target = double.IsNaN(value) ? (ushort)0x7FC0 : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}

/// <summary>IEEE half precision. Conversions by integer arithmetic: those of the framework would be the bottleneck.</summary>
internal readonly unsafe struct F16 : INarrowElement
{
    public static int Size => 2;

    public static int Digits => 11;

    public static ushort Exponent => 0x7C00;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsSafe(Vector512<ushort> values) =>
        !Vector512.EqualsAny(values & Vector512.Create(Exponent), Vector512.Create(Exponent));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* source, out Vector512<float> even, out Vector512<float> odd)
    {
        var bits = Vector512.Load((uint*)source);
        even = Widen(bits & Vector512.Create(0xFFFFu));
        odd = Widen(bits >> 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Widen(Vector512<uint> half)
    {
        var sign = (half & Vector512.Create(0x8000u)) << 16;
        // The exponent's bias is 15 there and 127 here; the product is exact for subnormals too.
        var value = ((half & Vector512.Create(0x7FFFu)) << 13).AsSingle()
            * Vector512.Create(BitConverter.UInt32BitsToSingle((127 + 112) << 23));
        var infinite = Vector512.GreaterThanOrEqual(value, Vector512.Create(65536f)).AsUInt32() & Vector512.Create(0x7F800000u);
        return (value.AsUInt32() | infinite | sign).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ushort> Round(Vector512<float> even, Vector512<float> odd) =>
        (Narrow(even) | (Narrow(odd) << 16)).AsUInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ushort> RoundToEven(Vector512<float> even, Vector512<float> odd) => Round(even, odd);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Narrow(Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var sign = (bits & Vector512.Create(0x80000000u)) >> 16;
        var magnitude = bits & Vector512.Create(0x7FFFFFFFu);
        var normal = (magnitude
            + ((magnitude >> 13) & Vector512<uint>.One)
            + Vector512.Create(0xFFFu)
            - Vector512.Create(112u << 23)) >> 13;
        // Adding 0.5 leaves a subnormal half, rounded, in the last bits.
        var subnormal = (magnitude.AsSingle() + Vector512.Create(0.5f)).AsUInt32() - Vector512.Create(0x3F000000u);
        var rounded = Vector512.ConditionalSelect(Vector512.LessThan(magnitude, Vector512.Create(113u << 23)), subnormal, normal);
        // 65520 and above round to infinity; infinities and NaN become infinity, which is refused all the same.
        var infinite = Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x477FF000u));
        return Vector512.ConditionalSelect(infinite, Vector512.Create(0x7C00u), rounded) | sign;
    }

    public static double Read(byte* source) => (double)*(Half*)source;

    public static void Write(byte* target, double value) => *(Half*)target = (Half)value;
}

/// <summary>IEEE single precision.</summary>
internal readonly unsafe struct F32 : IElement
{
    public static int Size => 4;

    public static int Digits => 24;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* source, out Vector512<float> even, out Vector512<float> odd)
    {
        var lower = Vector512.Load((ulong*)source);
        var upper = Vector512.Load((ulong*)(source + 64));
        even = Vector512.Narrow(lower, upper).AsSingle();
        odd = Vector512.Narrow(lower >> 32, upper >> 32).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(byte* target, Vector512<float> even, Vector512<float> odd)
    {
        var (evenLower, evenUpper) = Vector512.Widen(even.AsUInt32());
        var (oddLower, oddUpper) = Vector512.Widen(odd.AsUInt32());
        (evenLower | (oddLower << 32)).Store((ulong*)target);
        (evenUpper | (oddUpper << 32)).Store((ulong*)(target + 64));
    }

    public static double Read(byte* source) => *(float*)source;

    public static void Write(byte* target, double value) => *(float*)target = (float)value;
}
