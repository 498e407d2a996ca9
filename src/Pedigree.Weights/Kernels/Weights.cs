using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Kernels;

/// <summary>Questions about single weights.</summary>
internal static unsafe class Weights
{
    /// <summary>Whether tensors of this type are merged and measured; others are carried through.</summary>
    public static bool IsMerged(this DType dType) => dType is DType.BF16 or DType.F16 or DType.F32;

    /// <summary>One weight, exact.</summary>
    public static double At(this Tensor tensor, long element)
    {
        var size = tensor.DType.Size();
        Span<byte> bytes = stackalloc byte[size];
        tensor.Read(element * size, bytes);
        fixed (byte* first = bytes)
            return Read(tensor.DType, first);
    }

    /// <summary>The weight at an address, exact.</summary>
    public static double Read(DType dType, byte* source) => dType switch
    {
        DType.BF16 => BF16.Read(source),
        DType.F16 => F16.Read(source),
        DType.F32 => F32.Read(source),
        _ => throw new ArgumentOutOfRangeException(nameof(dType), $"{dType} is not merged"),
    };

    /// <summary>Throws if one of the elements is NaN or infinite.</summary>
    /// <exception cref="BadInputException">Names the file, the tensor and the element.</exception>
    public static void ThrowIfNotFinite(Tensor tensor, long start, int count)
    {
        for (var element = start; element < start + count; element++)
        {
            var value = tensor.At(element);
            if (!double.IsFinite(value))
                throw new BadInputException(tensor.File, tensor.StoredName,
                    $"element {element} is {(double.IsNaN(value) ? "NaN" : "infinite")}; every weight must be a finite number");
        }
    }
}
