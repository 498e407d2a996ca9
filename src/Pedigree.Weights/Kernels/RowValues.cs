using System.Buffers;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Kernels;

/// <summary>Rows of tensors as float64 and back.</summary>
internal static unsafe class RowValues
{
    /// <summary>Elements a row.</summary>
    public static int Width(this Tensor tensor) => checked((int)(tensor.Count / Math.Max(1, tensor.Shape[0])));

    /// <summary>Reads a row, exact.</summary>
    public static void Read(Tensor tensor, long row, Span<double> values)
    {
        var size = tensor.DType.Size();
        var bytes = ArrayPool<byte>.Shared.Rent(values.Length * size);
        tensor.Read(row * values.Length * size, bytes.AsSpan(0, values.Length * size));
        fixed (byte* source = bytes)
            for (var i = 0; i < values.Length; i++)
                values[i] = Weights.Read(tensor.DType, source + (i * size));
        ArrayPool<byte>.Shared.Return(bytes);
    }

    /// <summary>Whether a row of a type has neither NaN nor infinity.</summary>
    public static bool IsFinite(DType dType, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* source = bytes)
            for (var i = 0; i < bytes.Length; i += dType.Size())
                if (!double.IsFinite(Weights.Read(dType, source + i)))
                    return false;
        return true;
    }

    /// <summary>Rounds a row to a type: nearest, ties to even.</summary>
    public static void Write(DType dType, ReadOnlySpan<double> values, Span<byte> bytes)
    {
        fixed (byte* target = bytes)
            for (var i = 0; i < values.Length; i++)
                switch (dType)
                {
                    case DType.BF16:
                        BF16.Write(target + (i * 2), values[i]);
                        break;
                    case DType.F16:
                        F16.Write(target + (i * 2), values[i]);
                        break;
                    case DType.F32:
                        F32.Write(target + (i * 4), values[i]);
                        break;
                    default:
                        throw new ArgumentOutOfRangeException(nameof(dType), $"{dType} is not merged");
                }
    }
}
