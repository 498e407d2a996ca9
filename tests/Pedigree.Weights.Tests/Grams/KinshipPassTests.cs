using CsCheck;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Tests.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Grams;

public sealed class KinshipPassTests
{
    [Fact]
    public void Every_measure_of_every_pair_agrees_with_float64_for_every_type_and_odd_shapes() =>
        Gen.Select(Gen.OneOf(Gen.Const(DType.BF16), Gen.Const(DType.F16), Gen.Const(DType.F32)),
            Gen.Long[1, 40], Gen.Long[1, 130], Gen.Int)
            .Sample((dType, rows, columns, seed) =>
            {
                using var family = new Family(dType, [[rows, columns], [columns], [], [3, 1, 7]], 3, seed);
                var gram = new Gram(KinshipPass.Measure(family.Base, [], family.Models, threads: 2));
                for (var a = 0; a < 3; a++)
                    for (var b = 0; b < a; b++)
                        foreach (var measure in Enum.GetValues<KinshipMeasure>())
                            Assert.Equal(Scalar(measure, family.Delta(a), family.Delta(b)), gram.Kinship(measure, a, b), 1e-6);
            }, iter: 40);

    [Fact]
    public void Three_hundred_thousand_elements_are_measured_to_a_millionth()
    {
        using var family = new Family(DType.BF16, [[300_001]], 2, 5);
        var gram = new Gram(KinshipPass.Measure(family.Base, [], family.Models));
        foreach (var measure in Enum.GetValues<KinshipMeasure>())
        {
            var expected = Scalar(measure, family.Delta(0), family.Delta(1));
            Assert.InRange(gram.Kinship(measure, 0, 1) / expected, 1 - 1e-6, 1 + 1e-6);
        }
    }

    [Fact]
    public void The_result_is_the_same_to_the_last_bit_on_any_number_of_threads()
    {
        using var family = new Family(DType.BF16, [[700, 900], [900], [300, 1000]], 3, 11);
        var one = Json(KinshipPass.Measure(family.Base, [], family.Models, threads: 1));
        Assert.Equal(one, Json(KinshipPass.Measure(family.Base, [], family.Models, threads: 2)));
        Assert.Equal(one, Json(KinshipPass.Measure(family.Base, [], family.Models, threads: 8)));
    }

    [Fact]
    public void A_pair_has_the_same_products_to_the_last_bit_whoever_else_is_measured()
    {
        using var family = new Family(DType.BF16, [[700, 900], [77]], 7, 12);
        var together = KinshipPass.Measure(family.Base, [], family.Models);
        for (var a = 0; a < family.Models.Count; a++)
            for (var b = 0; b < a; b++)
            {
                var alone = KinshipPass.Measure(family.Base, [family.Models[b]], [family.Models[a]]).Single();
                Assert.Equal(together[a].DeltaDelta, alone.DeltaDelta);
                Assert.Equal(together[a].DeltaBase, alone.DeltaBase);
                Assert.Equal(together[a].DeltaSum, alone.DeltaSum);
                Assert.Equal(together[a].BaseBase, alone.BaseBase);
                Assert.Equal(GramRow.Products(together[a], together[b]), GramRow.Products(alone, together[b]));
            }
    }

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F16)]
    [InlineData(DType.F32)]
    public void Two_models_without_a_base_have_the_products_they_have_among_three(DType dType)
    {
        using var family = new Family(dType, [[300_000], [77], [1000, 3], [256], [513]], 3, 13);
        var three = KinshipPass.Measure(null, [], family.Models);
        var two = KinshipPass.Measure(null, [], [family.Models[0], family.Models[1]]);
        for (var a = 0; a < 2; a++)
        {
            Assert.Equal(three[a].DeltaDelta, two[a].DeltaDelta);
            Assert.Equal(three[a].DeltaSum, two[a].DeltaSum);
            Assert.Equal(GramRow.Products(three[a], three[1]), GramRow.Products(two[a], two[1]));
        }
    }

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F16)]
    [InlineData(DType.F32)]
    public void Four_models_of_a_base_have_the_products_they_have_by_twos(DType dType)
    {
        using var family = new Family(dType, [[300_000], [77], [1000, 3], [256], [513]], 4, 14);
        var four = KinshipPass.Measure(family.Base, [], family.Models);
        for (var a = 0; a < 4; a++)
            for (var b = 0; b < a; b++)
            {
                var two = KinshipPass.Measure(family.Base, [], [family.Models[a], family.Models[b]]);
                Assert.Equal(two[0].BaseBase, four[a].BaseBase);
                Assert.Equal(two[0].BaseSum, four[a].BaseSum);
                Assert.Equal(two[0].DeltaBase, four[a].DeltaBase);
                Assert.Equal(two[0].DeltaDelta, four[a].DeltaDelta);
                Assert.Equal(two[0].DeltaSum, four[a].DeltaSum);
                Assert.Equal(GramRow.Products(two[0], two[1]), GramRow.Products(four[a], four[b]));
            }
    }

    [Fact]
    public void Models_of_different_types_are_measured_alike_in_any_company()
    {
        using var family = new Family(DType.BF16, [[900, 7]], 2, 3, DType.F32);
        var mixed = KinshipPass.Measure(family.Base, [], family.Models);
        Assert.Equal(Scalar(KinshipMeasure.Pearson, family.Delta(0), family.Delta(1)),
            new Gram(mixed).Kinship(KinshipMeasure.Pearson, 0, 1), 1e-6);
    }

    [Fact]
    public void Rows_measured_at_different_times_combine_and_survive_being_written()
    {
        using var family = new Family(DType.F32, [[50, 60], [60]], 4, 9);
        var first = KinshipPass.Measure(family.Base, [], [family.Models[0], family.Models[1]]);
        var second = KinshipPass.Measure(family.Base, [family.Models[0], family.Models[1]], [family.Models[2], family.Models[3]]);
        GramRow[] rows = [.. first.Concat(second).Select(row => GramRow.Parse(row.ToJson(), "row.json"))];
        var atOnce = new Gram(KinshipPass.Measure(family.Base, [], family.Models));
        Assert.Equal(atOnce.Matrix(KinshipMeasure.Pearson), new Gram(rows).Matrix(KinshipMeasure.Pearson));
        Assert.False(GramRow.Related(
            first[0], first[0] with { Model = "x", Others = new Dictionary<string, IReadOnlyList<double>>() }));
        Assert.True(GramRow.Related(rows[0], rows[3]));
    }

    [Fact]
    public void The_kinship_of_a_set_is_the_mean_over_its_pairs_and_can_be_limited_to_some_tensors()
    {
        using var family = new Family(DType.F32, [[50], [60]], 3, 4);
        var gram = new Gram(KinshipPass.Measure(family.Base, [], family.Models));
        double Pair(int a, int b) => gram.Kinship(KinshipMeasure.Cosine, a, b);
        Assert.Equal((Pair(0, 1) + Pair(0, 2) + Pair(1, 2)) / 3, gram.Mean(KinshipMeasure.Cosine, [0, 1, 2]), 1e-15);
        Assert.Equal(Scalar(KinshipMeasure.Cosine, family.Delta(0)[..50], family.Delta(1)[..50]),
            gram.Kinship(KinshipMeasure.Cosine, 0, 1, name => name == "t0"), 1e-6);
    }

    [Fact]
    public void The_cosine_keeps_its_sign()
    {
        using var folder = new TemporaryFolder();
        using var origin = Open(folder, "base", [1, 2, 3]);
        using var a = Open(folder, "a", [2, 3, 5]);
        using var b = Open(folder, "b", [0, 1, 1]);
        var gram = new Gram(KinshipPass.Measure(new("base", origin), [], [new("a", a), new("b", b)]));
        Assert.Equal(-1, gram.Kinship(KinshipMeasure.Cosine, 0, 1), 1e-12);
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "infinite")]
    public void A_weight_that_is_not_finite_is_named_with_file_tensor_and_element(float value, string called)
    {
        using var folder = new TemporaryFolder();
        using var origin = Open(folder, "base", new double[200_000]);
        var weights = new double[200_000];
        weights[150_123] = value;
        using var model = Open(folder, "model", weights);
        var error = Assert.Throws<BadInputException>(() => KinshipPass.Measure(new("base", origin), [], [new("model", model)]));
        Assert.Equal((folder["model/model.safetensors"], "w"), (error.File, error.Field));
        Assert.Contains($"element 150123 is {called}", error.Message);
    }

    [Fact]
    public void A_model_that_equals_the_base_is_refused()
    {
        using var folder = new TemporaryFolder();
        using var origin = Open(folder, "base", [1, 2]);
        using var copy = Open(folder, "copy", [1, 2]);
        var error = Assert.Throws<BadInputException>(() => KinshipPass.Measure(new("base", origin), [], [new("copy", copy)]));
        Assert.Contains("same weights as the base", error.Message);
    }

    [Fact]
    public void Models_without_weights_to_compare_are_refused_as_such()
    {
        using var folder = new TemporaryFolder();
        Relative Numbers(string name) =>
            new(name, Checkpoint.Open(Model.Write(folder[name], new Model.Values("w", DType.I64, [2], [1, 2]))));
        Relative[] models = [Numbers("base"), Numbers("a"), Numbers("b")];
        var error = Assert.Throws<BadInputException>(() => KinshipPass.Measure(models[0], [], models[1..]));
        Assert.Equal(folder["a"], error.File);
        Assert.Contains("has no tensor of type BF16, F16 or F32", error.Message);
        foreach (var model in models)
            model.Checkpoint.Dispose();
    }

    [Fact]
    public void Models_of_different_shape_are_refused_by_tensor()
    {
        using var folder = new TemporaryFolder();
        using var origin = Open(folder, "base", [1, 2]);
        using var longer = Open(folder, "longer", [1, 2, 3]);
        var error = Assert.Throws<BadInputException>(() => KinshipPass.Measure(new("base", origin), [], [new("longer", longer)]));
        Assert.Equal(folder["longer"], error.File);
        Assert.Contains("[3]", error.Message);
    }

    private static Checkpoint Open(TemporaryFolder folder, string name, double[] weights) =>
        Checkpoint.Open(Model.Write(folder[name], new Model.Values("w", DType.F32, [weights.Length], weights)));

    private static string Json(IReadOnlyList<GramRow> rows) => string.Join("\n", rows.Select(row => row.ToJson()));

    private static double Scalar(KinshipMeasure measure, double[] a, double[] b)
    {
        if (measure == KinshipMeasure.Euclidean)
            return Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Sum());
        var (meanA, meanB) = measure == KinshipMeasure.Pearson ? (a.Average(), b.Average()) : (0, 0);
        double Dot(double[] x, double meanX, double[] y, double meanY) => x.Zip(y, (p, q) => (p - meanX) * (q - meanY)).Sum();
        var norms = Math.Sqrt(Dot(a, meanA, a, meanA) * Dot(b, meanB, b, meanB));
        return norms == 0 ? 0 : Dot(a, meanA, b, meanB) / norms;
    }
}
