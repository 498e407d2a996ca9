using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Pedigree.Evaluation.Models;

/// <summary>
/// Sums, products and comparisons with numbers that are never collected. TorchSharp's own operators make a <see cref="Scalar"/>
/// of every number, and of the 1 by which a + b scales b. Nothing holds it while libtorch reads it: a garbage collection at that
/// moment frees it, and what is read then is an error at best and another number at worst.
/// </summary>
internal static class Arithmetic
{
    private static readonly ConcurrentDictionary<double, Scalar> Reals = new();
    private static readonly ConcurrentDictionary<long, Scalar> Integers = new();

    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, Of(1));

    public static Tensor Plus(this Tensor left, double right) => left.add(Of(right), Of(1));

    public static Tensor Minus(this Tensor left, Tensor right) => left.add(right, Of(-1));

    public static Tensor Times(this Tensor left, double right) => left.mul(Of(right));

    public static Tensor DividedBy(this Tensor left, double right) => left.div(Of(right));

    public static Tensor Is(this Tensor left, long right) => left.eq(Of(right));

    public static Tensor IsBelow(this Tensor left, long right) => left.lt(Of(right));

    /// <summary>The tensor with <paramref name="value"/> where the mask is true.</summary>
    public static Tensor With(this Tensor tensor, double value, Tensor mask) => tensor.masked_fill(mask, Of(value));

    private static Scalar Of(double number) => Reals.GetOrAdd(number, static number => number);

    private static Scalar Of(long number) => Integers.GetOrAdd(number, static number => number);
}
