using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using Pedigree.Weights.References;
using Pedigree.Weights.Tests.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Merging;

/// <summary>Configurations as people write them, run on the sample family, and broken ones.</summary>
public sealed class CorpusTests : IDisposable
{
    private static readonly string Corpus = Path.Combine(AppContext.BaseDirectory, "Corpus");
    private static readonly string Family = Path.Combine(AppContext.BaseDirectory, "family");

    private readonly TemporaryFolder _folder = new();
    private readonly HubSettings _hub;

    public CorpusTests() => _hub = new(new("http://127.0.0.1:9/"), _folder["cache"], Offline: true);

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Files => [.. Directory.GetFiles(Corpus, "*.yaml")
        .Select(path => Path.GetFileNameWithoutExtension(path))
        .Order(StringComparer.Ordinal)];

    [Fact]
    public void There_are_at_least_forty() => Assert.True(Files.Count >= 40);

    [Theory]
    [MemberData(nameof(Files))]
    public async Task A_configuration_as_people_write_it_is_explained_merged_and_verified(string name)
    {
        var stages = MergeConfig.ReadAll(Path.Combine(Corpus, $"{name}.yaml"));
        var child = await RunAsync(stages);
        Assert.Equal(child.Digest, MergeVerification.Verify(child.Folder));
        using (var checkpoint = Checkpoint.Open(child.Folder))
        {
            Assert.True(checkpoint.Parameters > 0);
            Assert.All(checkpoint.Tensors, tensor => Weights.Kernels.Weights.ThrowIfNotFinite(tensor, 0, (int)tensor.Count));
            if (stages.Count == 1)
                await ExplainedAsync(stages[0], checkpoint);
        }
        Assert.Empty(Directory.GetDirectories(_folder.Path, "*scratch*"));
    }

    private async Task ExplainedAsync(MergeConfig config, Checkpoint child)
    {
        using var merge = await ConfiguredMerge.OpenAsync(config, Family, new ModelLocator(_hub), null);
        var explanation = MergeExplanation.Of(merge);
        Assert.Equal(child.Tensors.Select(tensor => (tensor.Name, tensor.ByteLength)),
            explanation.Tensors.Select(tensor => (tensor.Name, tensor.Bytes)));
        Assert.Equal(child.Parameters, explanation.Parameters);
        merge.WriteStandIn(_folder["stand-in"]);
        using var standIn = Checkpoint.Open(_folder["stand-in"]);
        Assert.Equal(child.Tensors.Select(Kind), standIn.Tensors.Select(Kind));
        Assert.Equal(child.Config.ToJsonString(), standIn.Config.ToJsonString());
        Assert.All(child.CarriedFiles, name => Assert.Equal(
            File.ReadAllBytes(Path.Combine(child.Folder, name)), File.ReadAllBytes(Path.Combine(standIn.Folder, name))));

        static string Kind(Tensor tensor) => $"{tensor.Name} {tensor.DType} [{string.Join(", ", tensor.Shape)}]";
    }

    private Task<MergedChild> RunAsync(IReadOnlyList<MergeConfig> stages) =>
        MergePipeline.RunAsync(stages, Family, _hub, null, _folder["child"], CheckpointWriter.DefaultMaxShardSize, 0);

    [Fact]
    public async Task A_stage_that_has_not_changed_is_not_made_again_whatever_its_name()
    {
        var text = File.ReadAllText(Path.Combine(Corpus, "pipeline.yaml"));
        await RunAsync(MergeConfig.ParseAll("p.yml", text));
        var before = Directory.GetDirectories(_folder["child.stages"])
            .Order().Select(folder => (folder, Directory.GetLastWriteTimeUtc(folder))).ToArray();
        Assert.Equal(2, before.Length);
        Directory.Delete(_folder["child"], recursive: true);
        await RunAsync(MergeConfig.ParseAll("p.yml", text.Replace("first", "eldest").Replace("{t: 0.5}", "{t: 0.25}")));
        Assert.Equal(before, Directory.GetDirectories(_folder["child.stages"])
            .Order().Select(folder => (folder, Directory.GetLastWriteTimeUtc(folder))));
    }

    [Fact]
    public async Task Documents_are_merged_in_the_order_in_which_they_use_each_other_and_the_one_without_a_name_is_the_result()
    {
        var inOrder = MergeConfig.ReadAll(Path.Combine(Corpus, "pipeline.yaml"));
        string[] documents = File.ReadAllText(Path.Combine(Corpus, "pipeline.yaml")).Split("\n---\n");
        var turned = MergeConfig.ParseAll("p.yml", string.Join("\n---\n", documents.Reverse()));
        Assert.Null(turned[^1].Name);
        var child = await RunAsync(turned);
        Directory.Move(child.Folder, _folder["turned"]);
        Assert.Equal((await RunAsync(inOrder)).Digest, child.Digest);
        Assert.Equal(["b", "a"],
            MergeConfig.ParseAll("p.yml", Named("a", "b") + "---\n" + Named("b", "sort")).Select(config => config.Name));
        static string Named(string name, string of) =>
            $"name: {name}\nmerge_method: linear\nparameters: {{weight: 1}}\nmodels: [{{model: {of}}}]\n";
    }

    [Fact]
    public async Task A_damaged_stage_is_not_used_again()
    {
        var stages = MergeConfig.ReadAll(Path.Combine(Corpus, "pipeline.yaml"));
        await RunAsync(stages);
        Directory.Delete(_folder["child"], recursive: true);
        var weights = Path.Combine(Directory.GetDirectories(_folder["child.stages"])[0], "model.safetensors");
        var bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        var error = await Assert.ThrowsAsync<BadInputException>(() => RunAsync(stages));
        Assert.Equal(weights, error.File);
        Assert.Contains("was changed", error.Message);
    }

    [Fact]
    public async Task Shards_have_the_size_that_was_chosen()
    {
        var child = await MergePipeline.RunAsync(
            MergeConfig.ReadAll(Path.Combine(Corpus, "linear-soup.yaml")), Family, _hub, null, _folder["child"], 100_000, 0);
        using var checkpoint = Checkpoint.Open(child.Folder);
        Assert.True(checkpoint.WeightFiles.Count > 3);
        Assert.Contains("model.safetensors.index.json", checkpoint.WeightFiles);
        Assert.Equal(child.Digest, MergeVerification.Verify(child.Folder));
    }

    [Theory]
    [InlineData("", "has too long a name")]
    [InlineData("/child", "cannot be written")]
    public async Task A_folder_that_cannot_be_made_is_refused_and_nothing_is_written(string below, string said)
    {
        string file = new('x', 200);
        if (below.Length > 0)
            File.WriteAllText(_folder[file], "");
        string[] before = Directory.GetFileSystemEntries(_folder.Path);
        var error = await Assert.ThrowsAsync<BadInputException>(
            () => MergePipeline.RunAsync(MergeConfig.ReadAll(Path.Combine(Corpus, "linear-soup.yaml")),
                Family, _hub, null, _folder[file + below], CheckpointWriter.DefaultMaxShardSize, 0));
        Assert.Contains(said, error.Message);
        Assert.Equal(before, Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task A_model_that_was_changed_after_it_was_merged_is_not_verified()
    {
        var child = await RunAsync(MergeConfig.ReadAll(Path.Combine(Corpus, "linear-soup.yaml")));
        foreach (var path in Directory.GetFiles(child.Folder))
        {
            var whole = File.ReadAllBytes(path);
            for (var i = 0; i < whole.Length; i += Math.Max(1, whole.Length / 100))
            {
                var bytes = whole.ToArray();
                bytes[i] ^= 1;
                File.WriteAllBytes(path, bytes);
                Assert.Equal(path, Assert.Throws<BadInputException>(() => MergeVerification.Verify(child.Folder)).File);
            }
            File.WriteAllBytes(path, whole);
        }
        foreach (var name in new[] { "model-00002-of-00002.safetensors", "notes.txt" })
        {
            File.WriteAllText(Path.Combine(child.Folder, name), "");
            Assert.Equal(Path.Combine(child.Folder, name),
                Assert.Throws<BadInputException>(() => MergeVerification.Verify(child.Folder)).File);
            File.Delete(Path.Combine(child.Folder, name));
        }
        Directory.CreateDirectory(Path.Combine(child.Folder, ".cache"));
        Assert.Equal(child.Digest, MergeVerification.Verify(child.Folder));
    }

    [Fact]
    public async Task A_model_of_an_earlier_version_whose_recipe_is_not_sealed_is_verified_too()
    {
        var child = await RunAsync(MergeConfig.ReadAll(Path.Combine(Corpus, "linear-soup.yaml")));
        var path = Path.Combine(child.Folder, "recipe.json");
        var recipe = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        recipe.Remove("sha256");
        File.WriteAllText(path, recipe.ToJsonString());
        Assert.Equal(child.Digest, MergeVerification.Verify(child.Folder));
    }

    [Theory]
    [InlineData("merge_method: slrp\nbase_model: reverse\nmodels: [{model: reverse}, {model: sort}]\nparameters: {t: 0.5}",
        "c.yml: merge_method (line 1, column 15): there is no method `slrp`; did you mean `slerp`?")]
    [InlineData("merge_methd: slerp\nbase_model: reverse\nmodels: [{model: reverse}, {model: sort}]\nparameters: {t: 0.5}",
        "c.yml: line 1, column 1: must have the key `merge_method`; is that what `merge_methd` at line 1 should be called?")]
    [InlineData("base_model: reverse\nmodels: [{model: reverse}, {model: sort}]\nparameters: {t: 0.5}",
        "c.yml: line 1, column 1: must have the key `merge_method`")]
    [InlineData("merge_method: slerp\nmodels: [{model: reverse}, {model: sort}]\nparameters: {t: 0.5}",
        "c.yml: line 1, column 1: must have the key `base_model`")]
    [InlineData("merge_method: slerp\nbase_model: reverse\nmodels: [{model: reverse}, {model: sort}]",
        "c.yml: line 1, column 1: slerp needs the parameter `t`")]
    [InlineData("merge_method: slerp\nbase_model: reverse\nmodels: [{model: reverse}, {model: sort}]\nparameters: {t: 1.5}",
        "c.yml: parameters.t (line 4, column 17): t is 1.5; it must be from 0 to 1")]
    [InlineData("merge_method: slerp\nbase_model: reverse\nmodels: [{model: reverse}, {model: sort}]\nparameters: {t: half}",
        "c.yml: parameters.t (line 4, column 17): must be a finite number")]
    [InlineData("merge_method: slerp\nbase_model: reverse\nmodels: [{model: reverse}, {model: sort}]\nparameters: {t: []}",
        "c.yml: parameters.t (line 4, column 17): is an empty list; "
        + "give a number, a list of numbers, or a list of {filter, value}")]
    [InlineData("merge_method: slerp\nbase_model: reverse\nmodels: [{model: reverse}, {model: sort}]\nparameters: {weight: 0.5}",
        "c.yml: parameters.weight (line 4, column 22): unknown key `weight` at line 4; known here: `t`")]
    [InlineData("merge_method: slerp\nbase_model: max\nmodels: [{model: reverse}, {model: sort}]\nparameters: {t: 0.5}",
        "c.yml: base_model (line 2, column 13): must be one of the models: `reverse`, `sort`")]
    [InlineData(
        "merge_method: slerp\nbase_model: reverse\nmodels: [{model: reverse}, {model: sort}, {model: max}]\nparameters: {t: 0.5}",
        "c.yml: models (line 3, column 9): slerp takes exactly 2 models, not 3")]
    [InlineData("merge_method: slerp\nbase_model: reverse\nmodels: [{model: reverse}, "
        + "{model: sort}]\nparameters: {t: [{filter: mlp, value: 0.5}]}",
        "c.yml: parameters.t: no filter fits tensor model.embed_tokens.weight; end the list with a value without a filter")]
    [InlineData("merge_method: slerp\nbase_model: reverse\nmodels: [{model: reverse}, {model: "
        + "sort}]\nparameters: {t: [{filtr: mlp, value: 0.5}, {value: 1}]}",
        "c.yml: parameters.t[0].filtr (line 4, column 26): unknown key `filtr` at line 4; did you mean `filter`?")]
    [InlineData("merge_method: linear\nmodels: [{model: reverse}, {model: sort}]",
        "c.yml: line 1, column 1: linear needs the parameter `weight`, for all models or for each")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}",
        "c.yml: line 1, column 1: give either `models`, `slices` or `modules`")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: reverse}]\nslices: []",
        "c.yml: slices (line 4, column 9): give either `models`, `slices` or `modules`")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: reverse}, {model: reverse}]",
        "c.yml: models[1] (line 3, column 28): `reverse` is listed twice; a model may be listed once")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: revers}]",
        "c.yml: models[0].model (line 3, column 18): revers: there is no such folder (…/family/revers); "
        + "name a folder, or a Hugging Face id such as org/name or revers@main")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{modle: reverse}]",
        "c.yml: models[0] (line 3, column 10): must have the key `model`; is that what `modle` at line 3 should be called?")]
    [InlineData(
        "merge_method: linear\nmodels: [{model: reverse, parameters: {weight: 1}}, {model: sort, parameters: {weight: -1}}]",
        "c.yml: parameters for model.embed_tokens.weight: the weights sum to 0 and cannot be normalized; "
        + "change them or set `normalize: false`")]
    [InlineData("merge_method: linear\nmodels: [{model: reverse, parameters: {weight: 0.1}}, {model: sort, "
        + "parameters: {weight: 0.2}}, {model: max, parameters: {weight: -0.3}}]",
        "c.yml: parameters for model.embed_tokens.weight: the weights sum to 0 and cannot be normalized; "
        + "change them or set `normalize: false`")]
    [InlineData("merge_method: multislerp\nmodels: [{model: reverse, parameters: {weight: 0.1}}, {model: "
        + "sort, parameters: {weight: 0.2}}, {model: max, parameters: {weight: -0.3}}]",
        "c.yml: parameters for model.embed_tokens.weight: the weights sum to 0 and cannot be normalized; "
        + "change them or set `normalize_weights: false`")]
    [InlineData("merge_method: linear\nparameters: {weight: 1.0e+308}\nmodels: [{model: reverse}, {model: sort}]",
        "c.yml: parameters for model.embed_tokens.weight: the weights sum to infinity "
        + "and cannot be normalized; change them or set `normalize: false`")]
    [InlineData("merge_method: linear\nmodels: [{model: reverse, parameters: {weight: [{filter: "
        + "mlp, value: 1}]}}, {model: sort, parameters: {weight: 1}}]",
        "c.yml: models[0].parameters.weight: no filter fits tensor model.embed_tokens.weight; "
        + "end the list with a value without a filter")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: reverse}]\ndtype: bf16",
        "c.yml: dtype (line 4, column 8): `bf16` is not a type to merge in; give bfloat16, float16 or float32")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: reverse}]\nloud: 0",
        "c.yml: loud (line 4, column 7): unknown key `loud` at line 4; known here: `base_model`, "
        + "`chat_template`, `dtype`, `merge_method`, `models`, `modules`, `name`, "
        + "`out_dtype`, `parameters`, `random_seed`, `slices`, `tokenizer`, `tokenizer_source`; "
        + "one that only holds anchors begins with `x-`")]
    [InlineData("merge_method: ties\nmodels: [{model: reverse, parameters: {weight: 1, density: 0.5}}]",
        "c.yml: line 1, column 1: must have the key `base_model`")]
    [InlineData("merge_method: ties\nbase_model: base\nmodels: [{model: reverse, parameters: {weight: 1, density: 1.5}}]",
        "c.yml: models[0].parameters.density (line 3, column 60): density is 1.5; it must be from 0 to 1")]
    [InlineData("merge_method: passthrough\nslices: [{sources: [{model: reverse, layer_range: [0, 5]}]}]",
        "c.yml: slices[0].sources[0].layer_range (line 2, column 51): ends at layer 5, but …/family/reverse has 3 layers")]
    [InlineData("merge_method: passthrough\nslices: [{sources: [{model: reverse, layer_range: [2, 1]}]}]",
        "c.yml: slices[0].sources[0].layer_range (line 2, column 51): must be two whole numbers, "
        + "the first layer and the one after the last, such as [0, 32]")]
    [InlineData("merge_method: passthrough\nslices: [{sources: [{model: reverse, "
        + "layer_range: [0, 3]}, {model: sort, layer_range: [0, 3]}]}]",
        "c.yml: slices[0] (line 2, column 10): passthrough takes exactly 1 models, not 2")]
    [InlineData("merge_method: slerp\nbase_model: reverse\nparameters: {t: 0.5}\nslices: [{sources: [{model: "
        + "reverse, layer_range: [0, 2]}, {model: sort, layer_range: [0, 3]}]}]",
        "c.yml: slices[0].sources[1].layer_range (line 4, column 87): has 3 layers, "
        + "but the first source of the slice 2; all must have the same number")]
    [InlineData("merge_method: passthrough\nslices: [{sources: [{model: reverse, layer_range: [0, 3]}]}]\nslices: []",
        "c.yml: slices (line 3, column 1): appears twice, first at line 2; a key may appear once")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels:\n\t- {model: reverse}",
        "c.yml: line 4, column 1: is indented with a tab; YAML is indented with spaces alone")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodules: {}",
        "c.yml: modules (line 3, column 10): must name at least one module")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodules: {tower: {models: "
        + "[{model: reverse}]}, default: {models: [{model: reverse}]}}",
        "c.yml: modules.tower.models[0].model (line 3, column 36): no tensor of …/family/reverse is of the module `tower`")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: reverse+sort+max}]",
        "c.yml: models[0].model (line 3, column 18): reverse+sort+max: names no model; "
        + "give a folder, a Hugging Face id such as org/name@revision, or model+adapter")]
    [InlineData("name: first\nmerge_method: linear\nparameters: {weight: 1}\nmodels: [{model: "
        + "reverse}]\n---\nmerge_method: linear\nparameters: {weight: 1}\nmodels: [{model: first}, {model: soort}]",
        "c.yml: models[1].model (line 8, column 34): soort: there is no such folder (…/family/soort); "
        + "name a folder, or a Hugging Face id such as org/name or soort@main")]
    [InlineData("name: first\nmerge_method: passthrough\nslices: [{sources: [{model: reverse, layer_range: [0, "
        + "2]}]}]\n---\nmerge_method: linear\nparameters: {weight: 1}\nmodels: [{model: sort}, {model: first}]",
        "c.yml: models[1].model (line 7, column 33): …/child.scratch/0/config.json: num_hidden_layers: "
        + "is 2, but 3 in …/family/sort; models must have the same architecture")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: "
        + "reverse}]\ntokenizer_source: union\ntokenizer: {source: base}",
        "c.yml: tokenizer (line 5, column 12): give either `tokenizer_source` or `tokenizer`")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: reverse}]\nchat_template: vicuna",
        "c.yml: chat_template (line 4, column 16): `vicuna` is no chat template; "
        + "give auto, alpaca, chatml, exaone, llama3, mistral, or a template in Jinja")]
    [InlineData(
        "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: reverse}]\ntokenizer: {tokens: {x: {source: max}}}",
        "c.yml: tokenizer.tokens.x.source (line 4, column 34): `max` must be one of the models that are merged")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: reverse}]\n---\nmerge_method: "
        + "linear\nparameters: {weight: 1}\nmodels: [{model: sort}]",
        "c.yml: line 5, column 1: must have a `name`, by which another document can refer to it; "
        + "one alone, the result, may be without")]
    [InlineData("name: a\nmerge_method: linear\nparameters: {weight: 1}\nmodels: [{model: b}]\n---\nname: "
        + "b\nmerge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a+sort}]",
        "c.yml: models[0].model (line 9, column 18): `a` is made of what this document makes; "
        + "documents cannot use each other in a circle")]
    [InlineData("merge_method: passthrough\nslices: [{sources: [{model: reverse, layer_range: [0, 3]}], residual_weight: 0.5}]",
        "c.yml: slices[0].residual_weight (line 2, column 78): has no effect in mergekit either, "
        + "which reads it and does not use it; leave it out")]
    [InlineData("",
        "c.yml: is empty; it must hold a merge configuration")]
    public async Task A_broken_configuration_is_one_exact_error_and_nothing_is_written(string text, string expected)
    {
        var error = await Assert.ThrowsAsync<BadInputException>(() => RunAsync(MergeConfig.ParseAll("c.yml", text)));
        Assert.Equal(expected, error.Message.Replace(AppContext.BaseDirectory, "…/").Replace(_folder.Path, "…"));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }
}
