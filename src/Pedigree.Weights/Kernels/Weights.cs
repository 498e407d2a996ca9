using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Kernels;

/// <summary>Questions about single weights.</summary>
internal static unsafe class Weights
{
    /// <summary>Whether tensors of this type are merged and measured; others are carried through.</summary>
    public static bool IsMerged(this DType dType) => dType is DType.BF16 or DType.F16 or DType.F32;

    /// <summary>One weight, exact.</summary>
    public static double At(this Tensor tensor, long element) => tensor.DType switch
    {
        DType.BF16 => BF16.Read(tensor.Data + (element * 2)),
        DType.F16 => F16.Read(tensor.Data + (element * 2)),
        DType.F32 => F32.Read(tensor.Data + (element * 4)),
        _ => throw new ArgumentOutOfRangeException(nameof(tensor), $"{tensor.DType} is not merged"),
    };

    /// <summary>Throws if one of the elements is NaN or infinite.</summary>
    /// <exception cref="BadInputException">Names the file, the tensor and the element.</exception>
    public static void ThrowIfNotFinite(Tensor tensor, long start, int count)
    {
        for (var element = start; element < start + count; element++)
        {
            var value = tensor.At(element);
            if (!double.IsFinite(value))
                throw new BadInputException(tensor.File, tensor.StoredName, $"element {element} is {(double.IsNaN(value) ? "NaN" : "infinite")}; every weight must be a finite number");
        }
    }
}
