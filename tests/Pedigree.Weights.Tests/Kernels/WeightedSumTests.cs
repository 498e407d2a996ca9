using CsCheck;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;
using Xunit;

namespace Pedigree.Weights.Tests.Kernels;

public sealed unsafe class WeightedSumTests
{
    private static readonly Gen<DType> Types = Gen.OneOf(Gen.Const(DType.BF16), Gen.Const(DType.F16), Gen.Const(DType.F32));

    [Fact]
    public void Every_element_of_every_type_is_the_float64_sum_rounded_once() =>
        Gen.Select(Types, Types, Gen.Int[1, 4], Gen.Int[0, 3000], Gen.Int, Gen.Double[-2, 2].Array[4])
            .Sample(
                (input, output, n, count, seed, coefficients) => Check(input, output, n, count, seed, 1, coefficients),
                iter: 300);

    [Fact]
    public void Subnormal_halves_are_read_and_written_exactly() =>
        Gen.Select(Gen.OneOf(Gen.Const(DType.F16), Gen.Const(DType.F32)), Gen.Int, Gen.Double[-2, 2].Array[2])
            .Sample((input, seed, coefficients) => Check(input, DType.F16, 2, 200, seed, 1e-5, coefficients), iter: 50);

    [Fact]
    public void A_halfway_sum_is_rounded_to_even()
    {
        // 1 + 2⁻⁷ and 1 + 2⁻⁶ are neighbours in bf16; their means lie exactly between two of them.
        var a = Model.Random("a", DType.BF16, [4096], 1).Elements;
        var b = a.Select(value => Model.Round(DType.BF16, value * (1 + 1 / 128.0))).ToArray();
        Assert.Equal([], Mismatches(DType.BF16, DType.BF16, [a, b], [0.5, 0.5]));
    }

    [Theory]
    [InlineData(0.5, 0.5)] // products and most sums exact
    [InlineData(0.75, -0.25)]
    [InlineData(1, 1)]
    [InlineData(0.7, 0.3)] // one sum in twenty a tie but for the rounding of float64
    [InlineData(0.3, 0.7)]
    [InlineData(1 / 3.0, 2 / 3.0)]
    [InlineData(0.69, 0.42)] // hardly a tie
    public void Means_of_two_of_any_sizes_are_the_float64_ones(double first, double second)
    {
        var random = new Random(1);
        foreach (var type in new[] { DType.BF16, DType.F16, DType.F32 })
            foreach (var output in new[] { DType.BF16, DType.F16 })
                foreach (var deepest in new[] { 2, 24 })
                {
                    double[] Sized(int seed) => [.. Model.Random("x", type, [6_011], seed).Elements.Select((value, i) =>
                        i % 50 == 0 ? 0 : Model.Round(type, Math.ScaleB(value, -random.Next(deepest))))];
                    Assert.Equal([], Mismatches(type, output, [Sized(1), Sized(2)], [first, second]));
                }
    }

    [Theory]
    [InlineData(0.5, 0.5)]
    [InlineData(0.7, 0.3)]
    public void Subnormal_bfloat16_are_rounded_once_too(double first, double second)
    {
        var random = new Random(2);
        double[] Tiny() => [.. Enumerable.Range(0, 6_000)
            .Select(_ => Model.Round(DType.BF16, Math.ScaleB(random.NextDouble() - 0.5, -118 - random.Next(16))))];
        Assert.Equal([], Mismatches(DType.BF16, DType.BF16, [Tiny(), Tiny()], [first, second]));
    }

    [Fact]
    public void A_million_sums_that_nearly_cancel_are_correctly_rounded()
    {
        var a = Model.Random("a", DType.BF16, [1 << 20], 1).Elements;
        var b = Model.Random("b", DType.BF16, [1 << 20], 2, 0.01, a).Elements;
        Assert.Equal([], Mismatches(DType.BF16, DType.BF16, [a, b], [0.7310585786300049, -0.7299]));
    }

    [Theory]
    [InlineData(DType.BF16, DType.BF16, double.NaN)]
    [InlineData(DType.BF16, DType.F32, double.PositiveInfinity)]
    [InlineData(DType.F16, DType.F16, double.NegativeInfinity)]
    [InlineData(DType.F32, DType.BF16, double.NaN)]
    [InlineData(DType.F32, DType.F32, double.NaN)]
    [InlineData(DType.F32, DType.F16, 70000.0)]
    public void What_is_not_finite_is_noticed_wherever_it_stands(DType input, DType output, double value)
    {
        foreach (var at in new[] { 0, 31, 32, 77, 99 })
        {
            var x = new double[100];
            x[at] = value;
            Assert.False(Run(input, output, [x, new double[100]], [1, 0.5], out _));
            x[at] = 3;
            Assert.True(Run(input, output, [x, new double[100]], [1, 0.5], out _));
        }
    }

    private static void Check(DType input, DType output, int n, int count, int seed, double scale, double[] coefficients)
    {
        var sources = Enumerable.Range(0, n).Select(i => Model.Random("x", input, [count], seed + i, scale).Elements).ToArray();
        Assert.Equal([], Mismatches(input, output, sources, coefficients[..n]));
    }

    private static List<string> Mismatches(DType input, DType output, double[][] sources, double[] coefficients)
    {
        Assert.True(Run(input, output, sources, coefficients, out var result));
        var mismatches = new List<string>();
        for (var i = 0; i < result.Length; i++)
        {
            var sum = 0.0;
            for (var j = 0; j < sources.Length; j++)
                sum += coefficients[j] * sources[j][i];
            if (Model.Round(output, sum) != result[i])
                mismatches.Add($"element {i}: {sum:R} became {result[i]:R}, not {Model.Round(output, sum):R}");
        }
        return mismatches;
    }

    private static bool Run(DType input, DType output, double[][] sources, double[] coefficients, out double[] result)
    {
        using var folder = new Checkpoints.TemporaryFolder();
        var count = sources[0].Length;
        var path = Model.Write(
            folder["in"], [.. sources.Select((source, i) => new Model.Values($"x{i}", input, [count], source))]);
        using var checkpoint = Checkpoint.Open(path);
        var size = count * input.Size();
        using var inputs = new NativeBuffer(sources.Length * (long)size);
        var pointers = stackalloc byte*[sources.Length];
        for (var i = 0; i < sources.Length; i++)
        {
            pointers[i] = inputs.Start + (i * size);
            checkpoint.Find($"x{i}")!.Read(0, new(pointers[i], size));
        }
        var target = new byte[(count * output.Size()) + 64];
        bool finite;
        fixed (byte* start = target)
        fixed (double* factors = coefficients)
            finite = WeightedSum.For(input, output)(pointers, factors, sources.Length, start, count);
        result = Model.Read(output, target[..(count * output.Size())]);
        Assert.All(target[(count * output.Size())..], padding => Assert.Equal(0, padding));
        return finite;
    }
}
