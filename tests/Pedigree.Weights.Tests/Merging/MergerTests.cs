using System.Text.Json.Nodes;
using CsCheck;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using Pedigree.Weights.Tests.Grams;
using Xunit;

namespace Pedigree.Weights.Tests.Merging;

public sealed class MergerTests
{
    private static readonly Gen<DType> Types = Gen.OneOf(Gen.Const(DType.BF16), Gen.Const(DType.F16), Gen.Const(DType.F32));

    [Fact]
    public void Slerp_of_random_tensors_of_every_type_and_shape_is_what_a_scalar_float64_slerp_says() =>
        Gen.Select(Types, Types, Gen.Long[0, 40], Gen.Long[1, 130], Gen.Double[0, 1], Gen.Int)
            .Sample((dType, other, rows, columns, t, seed) =>
            {
                using var family = new Family(dType, [[rows, columns], [columns], [], [3, 1, 7]], 2, seed, other);
                using var child = Merge(family, FormattableString.Invariant($"method: slerp\nparameters: {{t: {t}}}"));
                foreach (var tensor in child.Tensors)
                {
                    var (a, b) = (Values(family, 0, tensor.Name), Values(family, 1, tensor.Name));
                    Assert.Equal(dType, tensor.DType);
                    var (ca, cb) = SlerpCoefficients(a, b, t);
                    var spacing = dType == DType.BF16 ? 1 / 128.0 : dType == DType.F16 ? 1 / 1024.0 : 1e-6;
                    Assert.All(Model.Read(tensor).Zip(a.Zip(b, (x, y) => (ca * x) + (cb * y))),
                        pair => Assert.Equal(pair.Second, pair.First, (Math.Abs(pair.Second) * spacing) + 1e-6));
                }
            }, iter: 40);

    [Fact]
    public void Of_a_million_elements_at_most_ten_are_not_the_correctly_rounded_slerp_in_float64()
    {
        using var family = new Family(DType.BF16, [[1000, 1000]], 2, 3);
        using var child = Merge(family, "method: slerp\nparameters: {t: 0.3}");
        Assert.InRange(Misrounded(family, child, SlerpCoefficients, 0.3), 0, 10);
    }

    [Fact]
    public void On_the_linear_branch_every_element_is_correctly_rounded()
    {
        using var family = new Family(DType.BF16, [[1000, 1000]], 2, 3, scale: 0.01);
        using var child = Merge(family, "method: slerp\nparameters: {t: 0.3}");
        Assert.Equal(0, Misrounded(family, child, (_, _, t) => (1 - t, t), 0.3));
    }

    [Theory]
    [InlineData(DType.BF16)]
    [InlineData(DType.F16)]
    [InlineData(DType.F32)]
    public void The_ends_of_a_slerp_are_the_parents_and_equal_weights_stay_as_they_are(DType dType)
    {
        using var family = new Family(dType, [[50, 70], [70]], 2, 8);
        foreach (var (t, parent) in new[] { (0, 0), (1, 1) })
        {
            using var child = Merge(family, $"method: slerp\nparameters: {{t: {t}}}", folder: $"end{t}");
            foreach (var tensor in child.Tensors)
                Assert.Equal(Values(family, parent, tensor.Name), Model.Read(tensor));
        }
        using var twin = Checkpoint.Open(family.Models[0].Checkpoint.Folder);
        var recipe = Recipe("method: slerp\nparameters: {t: 0.37}", "m0", "twin");
        Merger.Merge(recipe, [family.Models[0], new("twin", twin)], family.Base, null, family.Path("twins"));
        using var same = Checkpoint.Open(family.Path("twins"));
        foreach (var tensor in same.Tensors)
            Assert.Equal(Values(family, 0, tensor.Name), Model.Read(tensor));
    }

    [Fact]
    public void The_order_of_the_parents_matters_unless_t_is_a_half()
    {
        using var family = new Family(DType.F32, [[50, 70]], 2, 8);
        double[] Child(string t, int first, string folder)
        {
            using var child = Merge(family, $"method: slerp\nparameters: {{t: {t}}}", [first, 1 - first], folder);
            return Model.Read(child.Tensors[0]);
        }
        Assert.NotEqual(Child("0.3", 0, "a"), Child("0.3", 1, "b"));
        Assert.Equal(Child("0.3", 0, "c"), Child("0.7", 1, "d"));
    }

    [Fact]
    public void Vectors_that_are_zero_or_opposite_are_merged_as_mergekit_does()
    {
        using var folder = new Checkpoints.TemporaryFolder();
        Checkpoint Open(string name, params double[] weights) =>
            Checkpoint.Open(Model.Write(folder[name], new Model.Values("w", DType.F32, [weights.Length], weights)));
        using var x = Open("x", 3, -4);
        using var zero = Open("zero", 0, 0);
        using var opposite = Open("opposite", -3, 4);
        foreach (var (other, expected) in new[]
        {
            (zero, new[] { 3 * Math.Sqrt(0.5), -4 * Math.Sqrt(0.5) }),
            (opposite, new double[] { 0, 0 }),
        })
        {
            var target = folder[$"{Path.GetFileName(other.Folder)}-child"];
            var recipe = Recipe("method: slerp\nparameters: {t: 0.5}", "x", "o") with { Ancestor = null };
            Merger.Merge(recipe, [new("x", x), new("o", other)], null, null, target);
            using var child = Checkpoint.Open(target);
            Assert.Equal(expected.Select(value => (double)(float)value), Model.Read(child.Tensors[0]));
        }
    }

    [Theory]
    [InlineData("true", 0.25, 0.75)]
    [InlineData("false", 0.5, 1.5)]
    public void Linear_is_the_weighted_mean_or_sum(string normalize, double first, double second)
    {
        using var family = new Family(DType.F32, [[50, 70]], 2, 8);
        using var child = Merge(family,
            $"method: linear\nparameters: {{weight: [{{filter: t0, value: 0.5}}], normalize: {normalize}}}");
        var sum = normalize == "true" ? 1 : 2 * 0.5;
        Assert.Equal(
            sum, Model.Read(child.Tensors[0])[0] / ((Values(family, 0, "t0")[0] + Values(family, 1, "t0")[0]) / 2), 1e-6);
        var config = MergeConfig.Parse("c.yml",
            $"merge_method: linear\nmodels: [{{model: a, parameters: {{weight: 0.5}}}}, {{model: b, "
            + $"parameters: {{weight: 1.5}}}}]\nparameters: {{normalize: {normalize}}}");
        Assert.Equal([first, second], new MergePlan(config.Body, 2, ["w"]).Coefficients(null)[0]!);
    }

    [Fact]
    public void Types_are_those_of_dtype_and_out_dtype_and_the_config_says_so()
    {
        using var family = new Family(DType.F32, [[50, 70]], 2, 8);
        foreach (var (keys, output, inputs, rounded) in new[]
        {
            ("", DType.F32, DType.F32, DType.F32),
            ("\nout_dtype: float16", DType.F16, DType.F32, DType.F16),
            ("\ndtype: bfloat16", DType.BF16, DType.BF16, DType.BF16),
            ("\ndtype: float32\nout_dtype: bfloat16", DType.BF16, DType.F32, DType.BF16),
            ("\ndtype: bfloat16\nout_dtype: float32", DType.F32, DType.BF16, DType.BF16),
        })
        {
            using var child = Merge(family, $"method: linear\nparameters: {{weight: 1}}{keys}",
                folder: $"child{keys.Length}{output}{inputs}");
            Assert.Equal(output, child.Tensors[0].DType);
            Assert.Equal(keys.Length == 0 ? "float32" : MergeBody.Name(output), (string?)child.Config["torch_dtype"]);
            var expected = Values(family, 0, "t0").Zip(Values(family, 1, "t0"),
                (x, y) => Model.Round(
                    output, Model.Round(rounded, (0.5 * Model.Round(inputs, x)) + (0.5 * Model.Round(inputs, y)))));
            Assert.Equal(expected, Model.Read(child.Tensors[0]));
        }
    }

    [Theory]
    [InlineData("slerp", "t: 0.3", 2, false)]
    [InlineData("nuslerp", "weight: 0.7", 2, false)]
    [InlineData("multislerp", "weight: 0.7", 3, true)]
    [InlineData("model_stock", "", 3, true)]
    public void A_tensor_that_a_thread_keeps_between_its_products_and_its_sum_has_the_same_bytes_as_one_that_is_read_twice(
        string method, string parameters, int models, bool hasOrigin)
    {
        using var family = new Family(DType.BF16, [[600, 900], [900], [], [0, 5]], models, 5, DType.F32);
        var body = MergeBody.Parse(ConfigurationReader.Parse("spec.yml",
            $"method: {method}{(hasOrigin ? "\nbase_model: base" : "")}\nparameters: {{{parameters}}}"));
        MergePart part = new(new(body, [.. family.Models.Select(model => model.Digest)], hasOrigin ? family.Base.Digest : null),
            family.Models, hasOrigin ? family.Base : null);
        MergePlan plan = new(body, models, family.Models[0].Checkpoint.MergedTensors);
        var largest = plan.Tensors.Index().MaxBy(tensor => family.Models[0].Checkpoint.Find(tensor.Item)!.Count).Index;
        foreach (var threads in new[] { 1, 2, 64 })
        {
            Assert.Equal(threads < 64, HeldWriter.Holds(part, plan, largest, threads));
            Merger.Merge(part.Recipe, part.Parents, part.Ancestor, null, family.Path($"child{threads}"), threads: threads);
        }
        foreach (var threads in new[] { 2, 64 })
            Assert.Equal(File.ReadAllBytes(Path.Combine(family.Path("child1"), "model.safetensors")),
                File.ReadAllBytes(Path.Combine(family.Path($"child{threads}"), "model.safetensors")));
    }

    [Fact]
    public void A_child_has_the_same_bytes_on_any_number_of_threads_and_with_rows_known_or_not()
    {
        using var family = new Family(DType.BF16, [[700, 900], [900], [300, 1000]], 4, 21);
        var recipe = Recipe("method: slerp\nparameters: {t: [0.2, 0.9]}", "m0", "m1");
        var rows = KinshipPass.Measure(family.Base, [], family.Models);
        SortedDictionary<string, string>? first = null;
        foreach (var (threads, known) in new[] { (1, false), (2, true), (8, false) })
        {
            var target = family.Path($"child{threads}");
            Merger.Merge(recipe, [.. family.Models.Take(2)], known ? null : family.Base, known
                ? [.. rows.Take(2)]
                : null, target, threads: threads);
            var contents = new SortedDictionary<string, string>(Directory.GetFiles(target).ToDictionary(
                file => Path.GetFileName(file), file => Convert.ToBase64String(File.ReadAllBytes(file))), StringComparer.Ordinal);
            first ??= contents;
            Assert.Equal(first, contents);
        }
        Assert.Equal(["README.md", "config.json", "mergekit_config.yml", "model.safetensors", "recipe.json"], first!.Keys);
    }

    [Fact]
    public void The_configuration_beside_a_child_reads_back_as_its_recipe()
    {
        using var family = new Family(DType.BF16, [[7, 9]], 2, 21);
        const string Text = "merge_method: linear\nmodels: [{model: m0, parameters: {weight: [{filter: t0, value: [1, 2]}, "
            + "{value: 3}]}}, {model: m1}]\nparameters: {weight: 0.5}\nout_dtype: float32";
        var recipe = new MergeRecipe(MergeConfig.Parse("c.yml", Text).Body, ["m0", "m1"], "base");
        Merger.Merge(recipe, family.Models, null, null, family.Path("child"));
        var config = Assert.Single(MergeConfig.ReadAll(Path.Combine(family.Path("child"), "mergekit_config.yml")));
        Assert.Equal(recipe.Digest, new MergeRecipe(config.Body, config.Models, "base").Digest);
        var kept = JsonNode.Parse(File.ReadAllText(Path.Combine(family.Path("child"), "recipe.json")))!;
        Assert.Equal(recipe.Digest, (string?)kept["digest"]);
        Assert.NotNull(kept["files"]!["model.safetensors"]);
    }

    [Fact]
    public void Tensors_of_other_types_are_carried_through_if_equal_and_refused_if_not()
    {
        using var folder = new Checkpoints.TemporaryFolder();
        Relative Open(string name, double count) => new(name, Checkpoint.Open(Model.Write(folder[name],
            new Model.Values("count", DType.I64, [2], [count, 7]), new Model.Values("w", DType.F32, [1], [count]))));
        var (a, b, c) = (Open("a", 4), Open("b", 4), Open("c", 5));
        using var _ = a.Checkpoint;
        using var __ = b.Checkpoint;
        using var ___ = c.Checkpoint;
        Merger.Merge(Recipe("method: linear\nparameters: {weight: 1}", "a", "b"), [a, b], null, null, folder["same"]);
        using (var child = Checkpoint.Open(folder["same"]))
            Assert.Equal([4, 7], Model.Read(child.Find("count")!));
        var before = folder.Contents();
        var error = Assert.Throws<BadInputException>(() =>
            Merger.Merge(Recipe("method: linear\nparameters: {weight: 1}", "a", "c"), [a, c], null, null, folder["differs"]));
        Assert.Equal((folder["c/model.safetensors"], "count"), (error.File, error.Field));
        Assert.Equal(before, folder.Contents());
    }

    [Theory]
    [InlineData(double.NaN, "element 70 is NaN")]
    [InlineData(double.NegativeInfinity, "element 70 is infinite")]
    public void A_weight_that_is_not_finite_is_named_and_nothing_is_written(double value, string expected)
    {
        using var folder = new Checkpoints.TemporaryFolder();
        var weights = new double[100];
        weights[70] = value;
        using var a = Checkpoint.Open(Model.Write(folder["a"], new Model.Values("w", DType.BF16, [100], new double[100])));
        using var b = Checkpoint.Open(Model.Write(folder["b"], new Model.Values("w", DType.BF16, [100], weights)));
        var before = folder.Contents();
        var error = Assert.Throws<BadInputException>(() =>
            Merger.Merge(Recipe("method: linear\nparameters: {weight: 1}", "a", "b"), [new("a", a), new("b", b)], null, null,
                folder["out"]));
        Assert.Equal((folder["b/model.safetensors"], "w"), (error.File, error.Field));
        Assert.Contains(expected, error.Message);
        Assert.Equal(before, folder.Contents());
    }

    [Theory]
    [InlineData("linear", "weight: 1.0e+39, normalize: false", "weight 1E+39, normalize 0;")]
    [InlineData("task_arithmetic", "weight: 1, lambda: 1.0e+39",
        "weight 1, density 1, normalize 0, rescale 0, lambda 1E+39, int8_mask 0;")]
    [InlineData("ties", "weight: 1.0e+39, density: 0.5", "weight 1E+39, density 0.5,")]
    public void Parameters_by_which_finite_weights_overflow_are_named_and_not_the_models(
        string method, string parameters, string named)
    {
        using var family = new Family(DType.BF16, [[7, 9]], 2, 21);
        var error = Assert.Throws<BadInputException>(
            () => Merge(family, $"method: {method}\nparameters: {{{parameters}}}", folder: "out"));
        Assert.Equal(("spec.yml", "parameters for t0"), (error.File, error.Field));
        Assert.Contains($"merged, elements 0 to 62 overflow bfloat16 with {named}", error.Message);
        Assert.False(Directory.Exists(family.Path("out")));
    }

    [Fact]
    public void A_folder_that_exists_is_never_overwritten()
    {
        using var family = new Family(DType.BF16, [[7, 9]], 2, 21);
        var error = Assert.Throws<BadInputException>(() => Merge(family, "method: slerp\nparameters: {t: 0.5}", folder: "m0"));
        Assert.Contains("exists already", error.Message);
    }

    [Theory]
    [InlineData(DType.F32, 1e-6)]
    [InlineData(DType.BF16, 4e-3)]
    public void The_row_of_a_merge_never_made_is_that_of_the_merge_once_made(DType dType, double tolerance)
    {
        using var family = new Family(dType, [[200, 90], [90], [4, 4]], 3, 33);
        var rows = KinshipPass.Measure(family.Base, [], family.Models);
        var recipe = Recipe("method: slerp\nparameters: {t: [{filter: t1, value: 0.2}, {value: 0.6}]}", "m0", "m1");
        var predicted = Prediction.Child(recipe.Digest, [rows[0], rows[1]], recipe.Coefficients([rows[0], rows[1]])!, rows);
        Merger.Merge(recipe, [.. family.Models.Take(2)], null, [rows[0], rows[1]], family.Path("child"));
        using var child = Checkpoint.Open(family.Path("child"));
        var measured = KinshipPass.Measure(family.Base, family.Models, [new(recipe.Digest, child)]);
        Assert.False(predicted.Measured);
        var (before, after) = (new Gram([.. rows, predicted]), new Gram([.. rows, .. measured]));
        foreach (var measure in new[] { KinshipMeasure.Pearson, KinshipMeasure.Cosine })
            for (var model = 0; model < 3; model++)
                Assert.Equal(after.Kinship(measure, model, 3), before.Kinship(measure, model, 3), tolerance);
        // A grandchild never made, of a child never made.
        var second = recipe with { Parents = [recipe.Digest, "m2"] };
        var grandchild = Prediction.Child(
            second.Digest, [predicted, rows[2]], second.Coefficients([predicted, rows[2]])!, [.. rows, predicted]);
        Merger.Merge(second, [new(recipe.Digest, child), family.Models[2]], family.Base, null, family.Path("grandchild"));
        using var made = Checkpoint.Open(family.Path("grandchild"));
        var madeRow = KinshipPass.Measure(family.Base, family.Models, [new(second.Digest, made)]);
        Assert.Equal(new Gram([rows[0], .. madeRow]).Kinship(KinshipMeasure.Pearson, 0, 1),
            new Gram([rows[0], grandchild]).Kinship(KinshipMeasure.Pearson, 0, 1), 2 * tolerance);
    }

    private static MergeRecipe Recipe(string body, params string[] parents) =>
        new(MergeBody.Parse(ConfigurationReader.Parse("spec.yml", body)), parents, "base");

    private static Checkpoint Merge(Family family, string body, int[]? parents = null, string folder = "child")
    {
        Relative[] chosen = [.. (parents ?? [0, 1]).Select(parent => family.Models[parent])];
        var target = family.Path(folder == "child" ? Guid.NewGuid().ToString("N") : folder);
        Merger.Merge(Recipe(body, [.. chosen.Select(model => model.Digest)]), chosen, family.Base, null, target);
        return Checkpoint.Open(target);
    }

    private static double[] Values(Family family, int model, string tensor) =>
        Model.Read(family.Models[model].Checkpoint.Find(tensor)!);

    private static int Misrounded(
        Family family, Checkpoint child, Func<double[], double[], double, (double, double)> coefficients, double t)
    {
        var (a, b) = (Values(family, 0, "t0"), Values(family, 1, "t0"));
        var (ca, cb) = coefficients(a, b, t);
        return Model.Read(child.Tensors[0])
            .Where((value, i) => value != Model.Round(DType.BF16, (ca * a[i]) + (cb * b[i]))).Count();
    }

    private static (double, double) SlerpCoefficients(double[] a, double[] b, double t)
    {
        static double[] Unit(double[] x)
        {
            var length = Math.Sqrt(x.Sum(value => value * value));
            return length > 1e-8 ? [.. x.Select(value => value / length)] : x;
        }
        var cosine = Unit(a).Zip(Unit(b), (x, y) => x * y).Sum();
        if (Math.Abs(cosine) > 0.9995)
            return (1 - t, t);
        var angle = Math.Acos(cosine);
        return (Math.Sin((1 - t) * angle) / Math.Sin(angle), Math.Sin(t * angle) / Math.Sin(angle));
    }
}
