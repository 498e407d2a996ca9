using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using Pedigree.Weights.Tests.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Merging;

public sealed class ModelCardTests : IDisposable
{
    private const string Half = "merge_method: linear\nparameters: {weight: 1}\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_lineage_of_a_grandchild_goes_down_to_models_that_were_not_merged_with_their_digests()
    {
        foreach (var (name, seed) in new[] { ("a", 1), ("b", 2), ("c", 3) })
            Write(name, Model.Random("w", DType.F32, [40, 50], seed));
        var digests = new[] { "a", "b", "c" }.ToDictionary(name => name, name =>
        {
            using var model = Checkpoint.Open(_folder[name]);
            return CheckpointDigest.Compute(model).ContentDigest;
        });
        var child = await MergeAsync("child", Half + "models: [{model: a}, {model: b}]");
        var grandchild = await MergeAsync("grandchild",
            "merge_method: slerp\nbase_model: child\nparameters: {t: 0.5}\nmodels: [{model: child}, {model: c}]");
        var last = await MergeAsync("last", Half + "models: [{model: grandchild}, {model: c}]");

        var lineage = JsonNode.Parse(File.ReadAllText(Path.Combine(last.Folder, "recipe.json")))!["lineage"]!.AsArray();
        Assert.Equal(
            [grandchild.Content, digests["c"], child.Content, digests["a"], digests["b"]],
            lineage.Select(ancestor => (string?)ancestor!["digest"]));
        Assert.Equal(["grandchild", "c", "child", "a", "b"], lineage.Select(ancestor => (string?)ancestor!["name"]));
        Assert.Equal(["slerp", null, "linear", null, null], lineage.Select(ancestor => (string?)ancestor!["method"]));
        Assert.Equal([child.Content, digests["c"]], lineage[0]!["parents"]!.AsArray().Select(parent => (string?)parent));
        var card = File.ReadAllText(Path.Combine(last.Folder, "README.md"));
        Assert.StartsWith("---\nlibrary_name: transformers\ntags:\n- merge\n- mergekit\n- pedigree\n---\n", card);
        Assert.Contains($"- `child` (`{child.Content}`): `linear` of `{digests["a"]}`, `{digests["b"]}`\n", card);
        Assert.Contains($"- `a` (`{digests["a"]}`)\n", card);
        Assert.DoesNotContain("Warnings", card);
        Assert.Empty(last.Warnings);
        Assert.Equal(last.Digest, MergeVerification.Verify(last.Folder));
    }

    [Fact]
    public async Task A_recipe_of_someone_else_beside_a_parent_is_no_lineage()
    {
        Write("a", Model.Random("w", DType.F32, [4], 1));
        Write("b", Model.Random("w", DType.F32, [4], 2));
        File.WriteAllText(_folder["a/recipe.json"], """{"recipe": "flour, eggs", "lineage": 7}""");
        File.WriteAllText(_folder["b/recipe.json"], "flour, eggs");
        var child = await MergeAsync("child", Half + "models: [{model: a}, {model: b}]");
        Assert.Equal(2, JsonNode.Parse(File.ReadAllText(Path.Combine(child.Folder, "recipe.json")))!["lineage"]!.AsArray().Count);
    }

    [Fact]
    public async Task Of_very_many_ancestors_the_near_ones_are_listed_and_those_that_were_not_merged()
    {
        Write("a", Model.Random("w", DType.F32, [4], 1));
        Write("b", Model.Random("w", DType.F32, [4], 2));
        string Digest(int i) => $"{i:D64}";
        ChildAncestor[] far = [.. Enumerable.Range(1, 1000)
            .Select(i => new ChildAncestor(Digest(i), null, i == 1000 ? null : "slerp", i == 1000 ? [] : [Digest(i + 1)], null))];
        File.WriteAllText(_folder["a/recipe.json"], new JsonObject { ["lineage"] = new Lineage(far).ToJson() }.ToJsonString());
        var child = await MergeAsync("child", Half + "models: [{model: a}, {model: b}]");
        var path = Path.Combine(child.Folder, "recipe.json");
        string?[] listed =
            [.. JsonNode.Parse(File.ReadAllText(path))!["lineage"]!.AsArray().Select(ancestor => (string?)ancestor!["digest"])];
        Assert.Equal(Enumerable.Range(1, Lineage.MostOfEach).Append(1000).Select(Digest), listed[2..]);
        Assert.InRange(new FileInfo(path).Length, 1, 150_000);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.BF16)]
    public async Task Tensors_that_died_or_collapsed_are_warned_of_and_those_of_the_parents_are_not(DType dType)
    {
        // Opposite weights cancel wholly, or but for a two-hundredth; those of a parent that is zero itself have nothing to lose.
        Model.Values Scaled(string name, double factor) => Model.Random(name, dType, [90, 100], 7, factor);
        Model.Values Zero(string name) => new(name, dType, [90, 100], new double[9000]);
        var sparse = Zero("sparse");
        sparse.Elements[4321] = 1;
        var negative = Zero("sparse");
        negative.Elements[4321] = -1;
        Write("a", Scaled("dead", 1), Scaled("short", 1), Scaled("well", 1), Zero("zero"), sparse);
        Write("b", Scaled("dead", -1), Scaled("short", -0.992), Scaled("well", -0.9), Scaled("zero", 0.001), negative);
        var child = await MergeAsync("child", "merge_method: linear\nparameters: {weight: [{filter: zero, value: 0}, {value: "
            + "1}], normalize: false}\nmodels: [{model: a}, {model: b}]");
        Assert.Equal(["2 tensors are all zero, though no parent's is: dead, sparse",
            "1 tensor is shorter than 1 % of every parent's (Frobenius norm): short"], child.Warnings);
        var card = File.ReadAllText(Path.Combine(child.Folder, "README.md"));
        Assert.All(child.Warnings, warning => Assert.Contains($"- {warning}\n", card));
        var again = await MergeAsync("later", $"{Half}models: [{{model: a}}, {{model: child}}]");
        Assert.Empty(again.Warnings);
    }

    private void Write(string name, params Model.Values[] tensors) => Model.Write(_folder[name], tensors);

    private Task<MergedChild> MergeAsync(string child, string config) =>
        MergePipeline.RunAsync(
            MergeConfig.ParseAll("c.yml", config), _folder.Path, new(new("http://127.0.0.1:9/"), _folder["cache"], Offline: true),
            null, _folder[child], CheckpointWriter.DefaultMaxShardSize, null);
}
