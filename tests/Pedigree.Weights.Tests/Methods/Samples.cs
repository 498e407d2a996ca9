using CsCheck;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Tests.Grams;
using Xunit;

namespace Pedigree.Weights.Tests.Methods;

/// <summary>Random families, and comparison of their children with float64.</summary>
internal static class Samples
{
    public static readonly Gen<DType> DTypes = Gen.OneOf(Gen.Const(DType.BF16), Gen.Const(DType.F16), Gen.Const(DType.F32));

    /// <summary>A matrix, sometimes of several blocks; a vector; a scalar; nothing; three dimensions of odd sizes.</summary>
    public static readonly Gen<long[][]> Shapes = Gen.Select(Gen.Long[1, 40], Gen.Long[1, 130], Gen.Int[0, 4])
        .Select((rows, columns, large) => (long[][])[[large == 0 ? 300 : rows, columns], [columns], [], [0, 5], [3, 1, 7]]);

    /// <summary>The difference as it is computed: a float32.</summary>
    public static double[] Delta(double[] model, double[] origin) =>
        [.. model.Zip(origin, (x, y) => (double)((float)x - (float)y))];

    /// <summary>
    /// Every element of the child is what <paramref name="formula"/> says of the base's and the models', but for
    /// rounding; NaN: whatever it is.
    /// </summary>
    public static void Compare(
        Checkpoint child, Family family, DType dType, Func<Tensor, double[], double[][], double[]> formula) =>
        CompareElements(child, family, dType,
            (tensor, origin, models) => [.. formula(tensor, origin, models).Select(value => new Element(value, 0))]);

    /// <summary>The same where what is added in float32 may be larger than its sum.</summary>
    public static void CompareElements(
        Checkpoint child, Family family, DType dType, Func<Tensor, double[], double[][], Element[]> formula)
    {
        Assert.Equal(family.Base.Checkpoint.Tensors.Select(tensor => tensor.Name), child.Tensors.Select(tensor => tensor.Name));
        foreach (var tensor in child.Tensors)
        {
            Assert.Equal(dType, tensor.DType);
            var origin = Model.Read(family.Base.Checkpoint.Find(tensor.Name)!);
            double[][] models = [.. family.Models.Select(model => Model.Read(model.Checkpoint.Find(tensor.Name)!))];
            var expected = formula(tensor, origin, models);
            var actual = Model.Read(tensor);
            Assert.Equal(expected.Length, actual.Length);
            for (var i = 0; i < expected.Length; i++)
                if (!double.IsNaN(expected[i].Value))
                    Assert.True(Math.Abs(actual[i] - expected[i].Value)
                        <= (Math.Abs(expected[i].Value) * Spacing(dType)) + (expected[i].Size * Roundings) + 4e-6,
                        $"{tensor.Name} of {dType}, element {i}: {actual[i]:R}, not {expected[i].Value:R}");
        }
    }

    // Sixteen of float32.
    private const double Roundings = 16.0 / (1 << 24);

    // Half of the distance between two neighbours, and a little for float32.
    private static double Spacing(DType dType) => dType switch
    {
        DType.BF16 => 1 / 255.0,
        DType.F16 => 1 / 2040.0,
        _ => 2e-6,
    };
}

/// <summary>What a formula says of an element.</summary>
/// <param name="Value">The element.</param>
/// <param name="Size">The sum of the magnitudes of what is added in float32, so that its rounding shows.</param>
internal readonly record struct Element(double Value, double Size);
