using CsCheck;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using Pedigree.Weights.Methods;
using Pedigree.Weights.Tests.Grams;
using Xunit;

namespace Pedigree.Weights.Tests.Methods;

/// <summary>What must hold for methods, whatever their formula.</summary>
public sealed class PropertyTests
{
    // Of two models each; those with a base are given the family's.
    private static readonly Dictionary<string, string> Parameters = new()
    {
        ["arcee_fusion"] = "",
        ["breadcrumbs"] = "weight: 0.5, density: 0.6, gamma: 0.02",
        ["breadcrumbs_ties"] = "weight: 0.5, density: 0.6",
        ["dare_linear"] = "weight: 0.5, density: 0.6",
        ["dare_ties"] = "weight: 0.5, density: 0.6",
        ["della"] = "weight: 0.5, density: 0.6",
        ["della_linear"] = "weight: 0.5, density: 0.6",
        ["karcher"] = "",
        ["linear"] = "weight: 0.5",
        ["model_stock"] = "filter_wise: true",
        ["multislerp"] = "weight: 0.5",
        ["nearswap"] = "t: 0.05",
        ["nuslerp"] = "weight: 0.5, nuslerp_flatten: false, nuslerp_row_wise: true",
        ["passthrough"] = "scale: 1",
        ["ram"] = "epsilon: 0.05",
        ["ramplus_tl"] = "epsilon: 0.05",
        ["sce"] = "select_topk: 0.5",
        ["slerp"] = "t: 0.4",
        ["task_arithmetic"] = "weight: 0.5",
        ["ties"] = "weight: 0.5, density: 0.6",
    };

    public static TheoryData<string> Methods => [.. MergeMethods.All.Select(method => method.Name)];

    [Fact]
    public void There_are_the_twenty_of_mergekit() =>
        Assert.Equal(Parameters.Keys.Order(StringComparer.Ordinal), MergeMethods.All.Select(method => method.Name));

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_merge_is_the_same_to_the_last_bit_on_one_two_and_eight_threads(string method)
    {
        using var family = new Family(DType.BF16, [[300, 130], [70], [], [3, 1, 7]], 2, 4);
        using var one = Merged.Child(family, Two(method), threads: 1);
        foreach (var threads in new[] { 2, 8 })
        {
            using var child = Merged.Child(family, Two(method), threads);
            Assert.Equal(Merged.Bytes(one), Merged.Bytes(child));
        }
    }

    [Theory]
    [InlineData("arcee_fusion", "")]
    [InlineData("karcher", "")]
    [InlineData("linear", "weight: 0.5")]
    [InlineData("multislerp", "weight: 0.5")]
    [InlineData("nearswap", "t: 0.05")]
    [InlineData("nuslerp", "weight: 0.5")]
    [InlineData("nuslerp", "weight: 0.5, nuslerp_flatten: false")]
    [InlineData("slerp", "t: 0.4")]
    [InlineData("ties", "weight: 0.5")]
    [InlineData("task_arithmetic", "weight: 0.5")]
    [InlineData("sce", "")]
    [InlineData("model_stock", "")]
    [InlineData("model_stock", "filter_wise: true")]
    [InlineData("ram", "")]
    public void Equal_models_give_themselves(string method, string parameters)
    {
        foreach (var dType in new[] { DType.BF16, DType.F16, DType.F32 })
        {
            using var family = new Family(dType, [[20, 30], [30], []], 1, 4);
            using var twin = Checkpoint.Open(family.Models[0].Checkpoint.Folder);
            using var child = Child(family, method, parameters, [family.Models[0], new("twin", twin)]);
            Same(family.Models[0].Checkpoint, child);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Models_that_equal_the_base_give_the_base(string method)
    {
        if (method == "passthrough")
            return;
        using var family = new Family(DType.BF16, [[20, 30], [30], []], 1, 4);
        using var first = Checkpoint.Open(family.Base.Checkpoint.Folder);
        using var second = Checkpoint.Open(family.Base.Checkpoint.Folder);
        using var child = Child(family, method, Parameters[method], [new("first", first), new("second", second)]);
        Same(family.Base.Checkpoint, child);
    }

    [Theory]
    [InlineData("slerp", "t: 0", "t: 1")]
    [InlineData("nearswap", "t: 0", "t: 100")]
    public void The_ends_are_the_parents(string method, string first, string second)
    {
        using var family = new Family(DType.F32, [[20, 30], [30], []], 2, 4);
        foreach (var (parameters, parent) in new[] { (first, 0), (second, 1) })
        {
            using var child = Child(family, method, parameters, family.Models);
            Same(family.Models[parent].Checkpoint, child);
        }
    }

    [Theory]
    [InlineData("weight: 1", "weight: 0", 0)]
    [InlineData("weight: 0", "weight: 1", 1)]
    public void The_whole_weight_on_one_model_gives_that_model(string first, string second, int parent)
    {
        using var family = new Family(DType.F32, [[20, 30], [30], []], 2, 4);
        foreach (var (method, baseModel) in new[]
        {
            ("linear", null), ("nuslerp", null), ("nuslerp", "base"), ("multislerp", "base"), ("task_arithmetic", "base"),
            ("ties", "base"), ("della", "base"),
        })
        {
            using var child = Merged.Child(family, Merged.Configuration(method, 2, baseModel, "", first, second));
            Same(family.Models[parent].Checkpoint, child);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void The_order_of_the_models_matters_where_one_is_brought_into_the_other_and_nowhere_else(string method)
    {
        if (method == "passthrough")
            return;
        using var family = new Family(DType.F32, [[20, 30], [30], []], 2, 4);
        using var child = Child(family, method, Parameters[method], family.Models);
        using var swapped = Child(family, method, Parameters[method], [family.Models[1], family.Models[0]]);
        if (MergeMethods.All.Single(one => one.Name == method).BaseModel == BaseModel.First)
            Assert.Contains(child.Tensors, tensor => Model.Read(tensor)
                .Zip(Model.Read(swapped.Find(tensor.Name)!))
                .Any(pair => Math.Abs(pair.First - pair.Second) > 0.01));
        else
            Same(child, swapped);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Only_random_methods_look_at_the_seed(string method)
    {
        using var family = new Family(DType.BF16, [[20, 30], [30], []], 2, 4);
        var config = MergeConfig.Parse("merge.yml", Two(method));
        string Digest(long seed) => new MergeRecipe(config.Body, config.Models, config.Origin, seed).Digest;
        using var child = Merged.Child(family, Two(method), seed: 0);
        using var other = Merged.Child(family, Two(method), seed: 1);
        if (method.StartsWith("dare", StringComparison.Ordinal) || method.StartsWith("della", StringComparison.Ordinal))
        {
            Assert.NotEqual(Digest(0), Digest(1));
            Assert.NotEqual(Merged.Bytes(child), Merged.Bytes(other));
            return;
        }
        Assert.Equal(Digest(0), Digest(1));
        Assert.Equal(Merged.Bytes(child), Merged.Bytes(other));
    }

    [Fact]
    public void What_is_kept_at_random_is_as_much_as_the_density_says_and_independent_between_models_and_tensors()
    {
        using var family = new Family(DType.F32, [[200, 500], [200, 500]], 2, 4);
        HashSet<(string, int)>[] kept = [.. new[] { 0, 1 }.Select(model =>
        {
            using var child = Merged.Child(family, Merged.Configuration("dare_linear", 2, "base", "rescale: false, density: 0.3",
                $"weight: {1 - model}", $"weight: {model}"));
            return child.Tensors.SelectMany(
                tensor => Model.Read(tensor).Zip(Model.Read(family.Base.Checkpoint.Find(tensor.Name)!))
                    .Select((pair, at) => (pair, at))
                    .Where(one => one.pair.First != one.pair.Second)
                    .Select(one => (tensor.Name, one.at))).ToHashSet();
        })];
        // Six standard deviations.
        Assert.All(kept, places => Assert.InRange(places.Count, 60_000 - 1_230, 60_000 + 1_230));
        Assert.InRange(kept[0].Count(kept[1].Contains), 18_000 - 770, 18_000 + 770);
        Assert.InRange(
            kept[0].Count(place => place.Item1 == "t0" && kept[0].Contains(("t1", place.Item2))), 9_000 - 550, 9_000 + 550);
    }

    [Theory]
    [InlineData("nuslerp", "weight: 0.3")]
    [InlineData("multislerp", "weight: 0.3")]
    [InlineData("karcher", "")]
    [InlineData("model_stock", "")]
    [InlineData("task_arithmetic", "weight: 0.3")]
    public void The_kinship_of_a_weighted_sum_is_known_before_it_is_made(string method, string parameters)
    {
        using var family = new Family(DType.F32, [[20, 30], [30], []], 3, 4);
        var rows = KinshipPass.Measure(family.Base, [], family.Models);
        var recipe = new MergeRecipe(Body(method, parameters), ["m0", "m1"], "base");
        var predicted = Prediction.Child("child", [rows[0], rows[1]], recipe.Coefficients([rows[0], rows[1]])!, rows);
        using var child = Child(family, method, parameters, family.Models.Take(2));
        var measured = KinshipPass.Measure(family.Base, family.Models, [new("child", child)]);
        for (var model = 0; model < 3; model++)
            Assert.Equal(new Gram([.. rows, .. measured]).Kinship(KinshipMeasure.Pearson, model, 3),
                new Gram([.. rows, predicted]).Kinship(KinshipMeasure.Pearson, model, 3), 1e-6);
    }

    [Fact]
    public void Everything_kept_needs_no_pass_and_nothing_kept_is_the_base()
    {
        using var family = new Family(DType.BF16, [[20, 30], [30], []], 2, 4);
        foreach (var method in new[]
        {
            "ties",
            "dare_linear",
            "dare_ties",
            "breadcrumbs",
            "breadcrumbs_ties",
            "della",
            "della_linear",
        })
        {
            using var child = Child(family, method, "weight: 0.5, density: 0", family.Models);
            Same(family.Base.Checkpoint, child);
        }
        using var whole = Child(family, "dare_linear", "weight: 0.5", family.Models);
        using var sum = Child(family, "task_arithmetic", "weight: 0.5", family.Models);
        Same(sum, whole);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_weight_that_is_not_finite_is_named_even_where_it_would_be_left_out(double value)
    {
        using var folder = new Tests.Checkpoints.TemporaryFolder();
        Relative Open(string name, double last) =>
            new(name, Checkpoint.Open(Model.Write(folder[name], new Model.Values("w", DType.F32, [3], [1, 2, last]))));
        var (origin, model) = (Open("base", 3), Open("bad", value));
        var recipe = new MergeRecipe(Body("ties", "weight: 1, density: 0.4"), ["bad"], "base");
        var error = Assert.Throws<BadInputException>(() => Merger.Merge(recipe, [model], origin, null, folder["child"]));
        Assert.Contains("element 2", error.Message);
        Assert.False(Directory.Exists(folder["child"]));
        origin.Checkpoint.Dispose();
        model.Checkpoint.Dispose();
    }

    [Theory]
    [InlineData("ties", "weight: 1, density: 1.5", "density is 1.5; it must be from 0 to 1")]
    [InlineData("ties", "weight: 1, desnity: 0.5", "did you mean `density`?")]
    [InlineData("ties", "density: 0.5", "ties needs the parameter `weight`")]
    [InlineData("ties", "weight: 1, normalize: 0.5", "normalize is 0.5; it must be true or false")]
    [InlineData("breadcrumbs", "weight: 1, gamma: -1", "gamma is -1; it must be from 0 to 1")]
    [InlineData("della", "weight: 1, epsilon: 0.6", "epsilon is 0.6; it must be from 0 to 0.5")]
    [InlineData("karcher", "max_iter: 2.5", "max_iter is 2.5; it must be a whole number from 0 to 100000")]
    [InlineData("karcher", "tol: -1", "tol is -1; it must be at least 0")]
    [InlineData("sce", "select_topk: 2", "select_topk is 2; it must be from 0 to 1")]
    [InlineData("nearswap", "", "nearswap needs the parameter `t`")]
    [InlineData("nearswap", "t: -1", "t is -1; it must be at least 0")]
    [InlineData("model_stock", "filterwise: true", "did you mean `filter_wise`?")]
    [InlineData("nuslerp", "weight: 1, nuslerp_row: true", "did you mean `nuslerp_row_wise`?")]
    [InlineData("arcee_fusion", "t: 1", "unknown key `t`")]
    public void A_bad_parameter_is_one_clear_error(string method, string parameters, string expected) =>
        Assert.Contains(expected, Assert.Throws<BadInputException>(() => Body(method, parameters)).Message);

    [Theory]
    [InlineData("della", "weight: 1, density: 0.9, epsilon: 0.2", "density + epsilon below 1; choose a smaller epsilon")]
    [InlineData("multislerp", "weight: 0", "the weights sum to 0")]
    public void Parameters_that_cannot_be_used_together_are_refused_with_the_tensor(
        string method, string parameters, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => new MergePlan(Body(method, parameters), 2, ["w"]));
        Assert.Contains(expected, error.Message);
        Assert.Contains("parameters for w", error.Message);
    }

    [Fact]
    public void The_base_may_be_listed_among_the_models_or_not_and_is_no_task_vector()
    {
        var listed = MergeConfig.Parse("c.yml",
            "merge_method: ties\nbase_model: b\nmodels: [{model: b}, {model: a, parameters: {weight: 1}}]");
        var apart = MergeConfig.Parse("c.yml",
            "merge_method: ties\nbase_model: b\nmodels: [{model: a, parameters: {weight: 1}}]");
        foreach (var config in new[] { listed, apart })
        {
            Assert.Equal(["a"], config.Models);
            Assert.Equal("b", config.Origin);
        }
        Assert.Equal(new MergeRecipe(apart.Body, ["a"], "b").Digest, new MergeRecipe(listed.Body, ["a"], "b").Digest);
        var linear = MergeConfig.Parse("c.yml",
            "merge_method: linear\nbase_model: b\nmodels: [{model: a}]\nparameters: {weight: 1}");
        Assert.Equal(["a", "b"], linear.Models);
        Assert.Null(linear.Origin);
        var fusion = MergeConfig.Parse("c.yml", "merge_method: arcee_fusion\nbase_model: b\nmodels: [{model: a}]");
        Assert.Equal(["b", "a"], fusion.Models);
        Assert.Null(fusion.Origin);
    }

    private static string Two(string method)
    {
        var role = MergeMethods.All.Single(one => one.Name == method);
        return Merged.Configuration(method, role.Models.Most == 1 ? 1 : 2,
            role.BaseModel switch { BaseModel.First => "m0", BaseModel.Origin => "base", _ => null }, Parameters[method]);
    }

    private static MergeBody Body(string method, string parameters) =>
        MergeBody.Parse(ConfigurationReader.Parse("spec.yml", $"method: {method}\nparameters: {{{parameters}}}"));

    /// <summary>As in a run: the better parent first, the family's base as the base.</summary>
    private static Checkpoint Child(Family family, string method, string parameters, IEnumerable<Relative> models)
    {
        Relative[] parents = [.. models];
        var target = family.Path(Guid.NewGuid().ToString("N"));
        Merger.Merge(new(Body(method, parameters), [.. parents.Select(parent => parent.Digest)], "base"),
            parents, family.Base, null, target);
        return Checkpoint.Open(target);
    }

    private static void Same(Checkpoint expected, Checkpoint actual)
    {
        // A float32 may be off by a rounding; narrower ones are not.
        foreach (var tensor in expected.Tensors)
            Assert.All(Model.Read(tensor).Zip(Model.Read(actual.Find(tensor.Name)!)),
                pair => Assert.Equal(pair.First, pair.Second, tensor.DType == DType.F32 ? 4e-7 : 0));
    }
}
