using Pedigree.Evaluation.Models;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Pedigree.Evaluation.Residents;

/// <summary>
/// <c>Σ cᵢ·xᵢ</c> as <see cref="SummedMerge"/> asks for it: products and sums in float64, one operation after the other and none
/// fused, so that IEEE 754 says what each element is, on any device.
/// </summary>
internal static class TensorSums
{
    // Elements at a time: what is in between takes some ten times 8 bytes an element.
    private const long Portion = 1 << 24;

    // Less than half of what any type of 16 bits can tell apart, more than what float32 cannot; and float32's smallest number.
    private const double Nudge = 1.0 / (1 << 20), Smallest = 1.401298464324817e-45;

    /// <summary>
    /// The sum on the sources' device, in the output type; null where an element is not finite. The caller disposes of it.
    /// </summary>
    public static Tensor? Sum(TensorMerge merge, IReadOnlyList<Tensor> sources)
    {
        using var none = no_grad();
        var made = empty(sources[0].shape, TypeOf(merge.Output), sources[0].device).DetachFromDisposeScope();
        try
        {
            var finite = true;
            for (var start = 0L; start < merge.Count && finite; start += Portion)
            {
                using var scope = NewDisposeScope();
                var count = Math.Min(Portion, merge.Count - start);
                var sum = Summed(merge, [.. sources.Select(source => source.view(-1).narrow(0, start, count))]);
                finite = sum.isfinite().all().cpu().data<bool>()[0];
                made.view(-1).narrow(0, start, count).copy_(sum);
            }
            if (finite)
                return made;
            made.Dispose();
            return null;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>A type of elements in torch's words.</summary>
    public static ScalarType TypeOf(DType dtype) => dtype switch
    {
        DType.BF16 => ScalarType.BFloat16,
        DType.F16 => ScalarType.Float16,
        DType.F32 => ScalarType.Float32,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "BF16, F16 or F32 would be right"),
    };

    /// <summary>The type of elements that torch calls so.</summary>
    public static DType DTypeOf(ScalarType type) => type switch
    {
        ScalarType.BFloat16 => DType.BF16,
        ScalarType.Float16 => DType.F16,
        ScalarType.Float32 => DType.F32,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "BFloat16, Float16 or Float32 would be right"),
    };

    private static Tensor Summed(TensorMerge merge, IReadOnlyList<Tensor> sources)
    {
        Tensor? sum = null;
        foreach (var (source, coefficient) in sources.Zip(merge.Coefficients!))
        {
            var term = source.to(TypeOf(merge.Input)).to(float64) * tensor(coefficient, float64, source.device);
            sum = sum is null ? term : sum.Plus(term);
        }
        return Rounded(sum!, merge.Rounded).to(TypeOf(merge.Output));
    }

    /// <summary>
    /// Rounded once, to the nearest, ties to even. Rounded to float32 first and from there to 16 bits, only what float32 makes a
    /// tie could come out wrong: there the numbers on both sides are compared by their middle, which float64 holds.
    /// </summary>
    private static Tensor Rounded(Tensor sum, DType to)
    {
        if (to == DType.F32)
            return sum.to(float32);
        var type = TypeOf(to);
        var single = sum.to(float32);
        var wide = single.to(float64);
        var nudge = wide.abs().Times(Nudge).Plus(Smallest);
        var below = wide.Minus(nudge).to(float32).to(type);
        var above = wide.Plus(nudge).to(float32).to(type);
        var middle = below.to(float64).Plus(above.to(float64)).DividedBy(2);
        // Where what is above is infinite so is the middle: a sum that overflows by a hair is not taken for the largest number.
        return where(
            sum.lt(middle), below, where(sum.gt(middle), above, single.to(type))).With(double.PositiveInfinity, above.isinf());
    }
}
