using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using Pedigree.Weights.References;
using Pedigree.Weights.Tests.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Merging;

public sealed class ConfiguredMergeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private int _children;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Types))]
    public async Task Layers_of_two_models_are_stacked_and_renumbered_in_every_architecture(string type, string stack)
    {
        Write("a", type, 1);
        Write("b", type, 2);
        var module = type == "gemma3";
        using var child = await MergeAsync($$"""
            merge_method: linear
            parameters: {weight: 1}
            {{(module ? "modules: {vision_tower: {models: [{model: b}]}, multi_modal_projector: {models: [{model: b}]}, text_decoder: {" : "")}}
            {{(module ? "  " : "")}}slices: [
              {sources: [{model: a, layer_range: [0, 2]}]},
              {sources: [{model: b, layer_range: [1, 3]}]},
              {sources: [{model: a, layer_range: [2, 3]}]} ]
            {{(module ? "  }}" : "")}}
            """);
        (string Model, int Layer)[] expected = [("a", 0), ("a", 1), ("b", 1), ("b", 2), ("a", 2)];
        using Checkpoint a = Checkpoint.Open(_folder["a"]), b = Checkpoint.Open(_folder["b"]);
        Assert.Equal(expected.Length, new Architecture(child.Tensors.Select(tensor => tensor.Name)).Stacks[stack]);
        foreach (var tensor in child.Tensors)
        {
            var place = Architecture.Place(tensor.Name);
            var (model, name) = place.Stack == stack
                ? (expected[place.Layer].Model, $"{stack}.{expected[place.Layer].Layer}{place.Rest}")
                : (module && !tensor.Name.StartsWith("language_model") ? "b" : "a", tensor.Name);
            Assert.Equal(Model.Read((model == "a" ? a : b).Find(name)!), Model.Read(tensor));
        }
        var text = child.Config["text_config"] ?? child.Config;
        Assert.Equal(5, (int)(text["num_hidden_layers"] ?? text["n_layer"])!);
        if (module)
            Assert.Equal(2, (int)child.Config["vision_config"]!["num_hidden_layers"]!);
        if (text["layer_types"] is JsonArray types)
            Assert.Equal(expected.Select(layer => layer.Layer % 2 == 0 ? "sliding_attention" : "full_attention"),
                types.Select(kind => (string?)kind));
        if (type == "qwen2")
            Assert.Equal(5, (int)child.Config["max_window_layers"]!);
    }

    public static TheoryData<string, string> Types => new()
    {
        { "llama", "model.layers" }, { "mistral",
            "model.layers" }, { "mixtral", "model.layers" }, { "qwen2", "model.layers" }, { "qwen3", "model.layers" },
        { "gemma2", "model.layers" }, { "gemma3", "language_model.model.layers" }, { "phi3", "model.layers" }, { "gpt_neox",
            "gpt_neox.layers" },
        { "gpt2", "h" }, { "bert", "bert.encoder.layer" },
    };

    [Theory]
    [InlineData("karcher", "max_iter: 10", false)]
    [InlineData("multislerp", "weight: 0.5", true)]
    [InlineData("model_stock", "filter_wise: false", true)]
    [InlineData("ties", "weight: 0.5, density: 0.5", true)]
    [InlineData("sce", "select_topk: 0.5", true)]
    public async Task Slices_may_have_different_numbers_of_sources(string method, string parameters, bool hasBase)
    {
        foreach (var (name, seed) in new[] { ("base", 1), ("a", 2), ("b", 3), ("c", 4) })
            Model.Write(_folder[name], [Model.Random("model.layers.0.w", DType.BF16, [30, 40], seed), Model.Random(
                "model.layers.1.w", DType.BF16, [30, 40], seed + 10)]);
        async Task<double[][]> Child(int first, int second)
        {
            string Slice(int layer, int sources) =>
                $"{{sources: [{string.Join(", ", new[] { "a", "b", "c" }.Take(sources).Select(name => $"{{model: {name}, layer_range: [{layer}, {layer + 1}]}}"))}]}}";
            using var child = await MergeAsync($$"""
                merge_method: {{method}}
                {{(hasBase ? "base_model: base" : "")}}
                parameters: { {{parameters}} }
                slices: [{{Slice(0, first)}}, {{Slice(1, second)}}]
                """);
            return [.. child.Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal).Select(Model.Read)];
        }
        var (two, three, both) = (await Child(2, 2), await Child(3, 3), await Child(2, 3));
        Assert.Equal(two[0], both[0]);
        Assert.Equal(three[1], both[1]);
        Assert.NotEqual(two[1], three[1]);
    }

    [Theory]
    [InlineData("linear", "weight: 1")]
    [InlineData("slerp", "t: 0.5")]
    [InlineData("nearswap", "t: 0.5")]
    public async Task A_weight_of_a_stacked_layer_that_is_not_finite_is_named_as_in_its_own_file(string method, string parameter)
    {
        foreach (var (name, last) in new[] { ("a", 4), ("b", double.NaN) })
            Model.Write(_folder[name],
                [new("model.layers.0.w", DType.F32, [2], [1, 2]), new("model.layers.1.w", DType.F32, [2], [3, last])]);
        var error = await Assert.ThrowsAsync<BadInputException>(() => MergeAsync($$"""
            merge_method: {{method}}
            base_model: a
            parameters: { {{parameter}} }
            slices:
              - sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]
              - sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [0, 2]}]
            """));
        Assert.Equal((_folder["b/model.safetensors"], "model.layers.1.w"), (error.File, error.Field));
    }

    [Fact]
    public async Task Of_a_model_that_translates_the_stack_that_changed_gets_another_number_of_layers()
    {
        Model.Write(_folder["a"], [.. new[] { "encoder.block.0.w", "encoder.block.1.w", "decoder.block.0.w", "decoder.block.1.w" }
            .Select(name => new Model.Values(name, DType.F32, [2], [1, 2]))]);
        File.WriteAllText(_folder["a/config.json"], """{"model_type": "t5", "num_layers": 2, "num_decoder_layers": 2}""");
        using var child = await MergeAsync("""
            merge_method: passthrough
            modules:
              decoder: {slices: [{sources: [{model: a, layer_range: [0, 2]}]}, {sources: [{model: a, layer_range: [1, 2]}]}]}
              default: {models: [{model: a}]}
            """);
        Assert.Equal((2, 3), ((int)child.Config["num_layers"]!, (int)child.Config["num_decoder_layers"]!));
    }

    [Fact]
    public async Task Kinds_of_layers_that_a_config_spells_are_stacked_too()
    {
        Model.Write(_folder["a"], new("backbone.layers.0.mixer.A_log", DType.F32, [2], [1, 2]),
            new("backbone.layers.1.mixer.up_proj.weight", DType.F32, [2], [3, 4]));
        File.WriteAllText(_folder["a/config.json"],
            """{"model_type": "nemotron_h", "num_hidden_layers": 2, "hybrid_override_pattern": "M-"}""");
        using var child = await MergeAsync("""
            merge_method: passthrough
            slices: [{sources: [{model: a, layer_range: [0, 2]}]}, {sources: [{model: a, layer_range: [0, 1]}]}]
            """);
        Assert.Equal((3, "M-M"), ((int)child.Config["num_hidden_layers"]!, (string?)child.Config["hybrid_override_pattern"]));
    }

    [Fact]
    public async Task Slices_may_merge_different_layers_and_numbers_of_models_each_with_parameters_of_its_own()
    {
        Write("a", "llama", 1);
        Write("b", "llama", 2);
        using var child = await MergeAsync("""
            merge_method: linear
            slices:
              - sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [2, 3], parameters: {weight: 3}}]
              - sources: [{model: b, layer_range: [1, 3]}]
                parameters: {weight: [{filter: mlp, value: [2, 4]}, {value: 5}]}
            parameters: {weight: 1, normalize: false}
            """);
        using Checkpoint a = Checkpoint.Open(_folder["a"]), b = Checkpoint.Open(_folder["b"]);
        void Equal(string tensor, params (Checkpoint Model, string Tensor, double Weight)[] sum) => Assert.All(
            Model.Read(child.Find(tensor)!)
                .Select((value, i) => (value, sum.Sum(term => term.Weight * Model.Read(term.Model.Find(term.Tensor)!)[i]))),
            pair => Assert.Equal(pair.Item2, pair.value, 1e-5));
        Equal("model.embed_tokens.weight", (a, "model.embed_tokens.weight", 1), (b, "model.embed_tokens.weight", 3));
        Equal("model.layers.0.mlp.up_proj.weight", (a, "model.layers.0.mlp.up_proj.weight", 1),
            (b, "model.layers.2.mlp.up_proj.weight", 3));
        Equal("model.layers.1.mlp.up_proj.weight", (b, "model.layers.1.mlp.up_proj.weight", 2));
        Equal("model.layers.2.mlp.up_proj.weight", (b, "model.layers.2.mlp.up_proj.weight", 4));
        Equal("model.layers.2.self_attn.q_proj.weight", (b, "model.layers.2.self_attn.q_proj.weight", 5));
        // The last slice's parameters, and of a gradient its first value.
        Equal("model.norm.weight", (b, "model.norm.weight", 5));
        Equal("lm_head.weight", (b, "lm_head.weight", 5));
    }

    [Fact]
    public async Task A_filter_knows_a_models_own_value_by_the_name_in_that_model_and_the_wholes_by_the_childs()
    {
        Write("a", "llama", 1);
        Write("base", "llama", 2);
        using var merge = await OpenAsync("""
            merge_method: task_arithmetic
            base_model: base
            slices: [{sources: [{model: a, layer_range: [1, 3]}, {model: base, layer_range: [0, 2]}]}]
            parameters:
              weight: [{filter: layers.1., value: 3}, {value: 2}]
              lambda: [{filter: layers.1., value: 5}, {value: 4}]
            """);
        var tensors = MergeExplanation.Of(merge).Tensors.ToDictionary(tensor => tensor.Name, tensor => tensor.Parameters);
        Assert.Equal((3, 4), (tensors["model.layers.0.mlp.up_proj.weight"]["weight"][0],
            tensors["model.layers.0.mlp.up_proj.weight"]["lambda"][0]));
        Assert.Equal((2, 5), (tensors["model.layers.1.mlp.up_proj.weight"]["weight"][0],
            tensors["model.layers.1.mlp.up_proj.weight"]["lambda"][0]));
    }

    [Fact]
    public async Task Lists_by_layer_are_made_of_what_each_layers_own_model_says()
    {
        Write("a", "llama", 1);
        Architectures.Write(_folder["b"], "llama", 2, layers: 5);
        Architectures.Write(_folder["c"], "llama", 3, layers: 4);
        File.WriteAllText(_folder["a/config.json"], """{"model_type":"llama","num_hidden_layers":3,"layer_types":["a0","a1","a2"],"intermediate_size":[10,11,12],"eos_token_id":[1,2,3]}""");
        File.WriteAllText(_folder["b/config.json"],
            """{"model_type":"llama","num_hidden_layers":5,"layer_types":["b0","b1","b2","b3","b4"]}""");
        using var child = await MergeAsync("""
            merge_method: passthrough
            slices: [{sources: [{model: a, layer_range: [1, 2]}]}, {sources: [{model: b, layer_range: [3, 5]}]}, {sources: [{model: c, layer_range: [0, 1]}]}]
            """);
        Assert.Equal("""["a1","b3","b4","a0"]""", child.Config["layer_types"]!.ToJsonString());
        Assert.Equal("[11,12,12,10]", child.Config["intermediate_size"]!.ToJsonString());
        Assert.Equal("[1,2,3]", child.Config["eos_token_id"]!.ToJsonString());
        Assert.Equal(4, (int)child.Config["num_hidden_layers"]!);
    }

    [Theory]
    [InlineData("slerp", "t: 0.5", "a", "a")]
    [InlineData("slerp", "t: 0.5", "a", "b")]
    [InlineData("nuslerp", "weight: 1", "c", "b")]
    [InlineData("ties", "weight: 1, density: 0.5", "c", "c")]
    [InlineData("model_stock", "filter_wise: false", "c", "c")]
    public async Task Layers_of_one_model_alone_are_taken_as_they_are_by_methods_that_merge_it_with_another(
        string method, string parameters, string origin, string alone)
    {
        foreach (var (name, seed) in new[] { ("a", 1), ("b", 2), ("c", 3) })
            Write(name, "llama", seed);
        var third = origin == "c" ? ", {model: c, layer_range: [0, 2]}" : "";
        using var child = await MergeAsync($$"""
            merge_method: {{method}}
            base_model: {{origin}}
            parameters: { {{parameters}} }
            dtype: float32
            slices:
              - sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [0, 2]}{{third}}]
              - sources: [{model: {{alone}}, layer_range: [1, 3]}]
            """);
        using var model = Checkpoint.Open(_folder[alone]);
        foreach (var (own, its) in new[]
        {
            ("model.layers.2.mlp.up_proj.weight", "model.layers.1.mlp.up_proj.weight"),
            ("model.layers.3.mlp.up_proj.weight", "model.layers.2.mlp.up_proj.weight"),
            ("lm_head.weight", "lm_head.weight"),
        })
            Assert.Equal(Model.Read(model.Find(its)!), Model.Read(child.Find(own)!));
        Assert.NotEqual(Model.Read(model.Find("model.layers.0.mlp.up_proj.weight")!),
            Model.Read(child.Find("model.layers.0.mlp.up_proj.weight")!));
    }

    [Fact]
    public async Task No_base_model_need_stand_at_the_top_where_every_slice_has_its_own()
    {
        Write("a", "llama", 1);
        Write("b", "llama", 2);
        using var child = await MergeAsync("""
            merge_method: slerp
            parameters: {t: 0}
            slices:
              - {sources: [{model: a, layer_range: [0, 2]}, {model: b, layer_range: [0, 2]}], base_model: b}
              - {sources: [{model: a, layer_range: [2, 3]}, {model: b, layer_range: [2, 3]}], base_model: a}
            """);
        using Checkpoint a = Checkpoint.Open(_folder["a"]), b = Checkpoint.Open(_folder["b"]);
        foreach (var (layer, model) in new[] { (0, b), (1, b), (2, a) })
            Assert.Equal(Model.Read(model.Find($"model.layers.{layer}.mlp.up_proj.weight")!),
                Model.Read(child.Find($"model.layers.{layer}.mlp.up_proj.weight")!));
    }

    [Fact]
    public async Task The_base_model_of_one_that_is_passed_through_lends_its_small_files_alone()
    {
        Write("a", "llama", 1);
        Write("b", "llama", 2);
        File.WriteAllText(_folder["b/generation_config.json"], "{}");
        using var child =
            await MergeAsync("merge_method: passthrough\nbase_model: b\nmodels: [{model: a, parameters: {scale: 2}}]");
        using var a = Checkpoint.Open(_folder["a"]);
        Assert.Equal(Model.Read(a.Find("lm_head.weight")!).Select(value => 2 * value), Model.Read(child.Find("lm_head.weight")!));
        Assert.Contains("generation_config.json", child.CarriedFiles);
    }

    // The six layers 0 to 5 and again 2 to 4, unless said otherwise.
    [Theory]
    [InlineData("""{"mlp_only_layers":[0,3]}""", """{"mlp_only_layers":[0,3,7]}""")]
    [InlineData("""{"moe_layers":[0,1,2,3,4,5]}""", """{"moe_layers":[0,1,2,3,4,5,6,7,8]}""")]
    [InlineData("""{"no_rope_layers":[1,1,1,0,1,1],"no_rope_layer_interval":4}""",
        """{"no_rope_layers":[1,1,1,0,1,1,1,0,1],"no_rope_layer_interval":4}""")]
    [InlineData("""{"model_type":"smollm3"}""", """{"no_rope_layers":[1,1,1,0,1,1,1,1,0,1]}""", "[0, 6]", "[1, 5]")]
    [InlineData("""{"model_type":"llama4_text","no_rope_layers":[]}""", """{"no_rope_layers":[1,1,0,1,1]}""", "[1, 6]")]
    [InlineData("""{"attention_types":[[["global","local"],3]],"attention_layers":["global","local","global","local","global","local"]}""",
        """{"attention_types":[[["global","local","global","local","global","local","global","local","global"],1]],"attention_layers":["global","local","global","local","global","local","global","local","global"]}""")]
    [InlineData(
        """{"attention_types":[[["global"],2000000000],"local"]}""", """{"attention_types":[[["global"],2000000000],"local"]}""")]
    [InlineData("""{"sliding_window_pattern":6}""", """{"sliding_window_pattern":6}""", "[0, 6]")]
    [InlineData("""{"sliding_window_pattern":3}""", """{"sliding_window_pattern":2}""", "[1, 3]", "[1, 3]")]
    [InlineData("""{"sliding_window_pattern":3}""", """{"sliding_window_pattern":3,"layer_types":["sliding_attention","sliding_attention","full_attention","full_attention"]}""", "[0, 3]", "[2, 3]")]
    [InlineData(
        """{"model_type":"gemma2"}""", """{"layer_types":["full_attention","sliding_attention","full_attention"]}""", "[1, 4]")]
    [InlineData("""{"model_type":"gemma2"}""", """{"layer_types":null}""", "[2, 6]")]
    [InlineData("""{"interleave_moe_layer_step":2}""", """{"interleave_moe_layer_step":2,"moe_layers":[0,2,4]}""", "[1, 6]")]
    [InlineData("""{"max_window_layers":4,"use_sliding_window":false}""", """{"max_window_layers":4,"layer_types":null}""")]
    [InlineData("""{"max_window_layers":4,"use_sliding_window":true}""", """{"max_window_layers":3}""", "[1, 6]")]
    [InlineData("""{"first_k_dense_replace":1,"moe_layer_freq":1}""", """{"first_k_dense_replace":1,"moe_layer_freq":1}""")]
    [InlineData("""{"first_k_dense_replace":2}""", """{"first_k_dense_replace":4}""", "[0, 2]", "[0, 6]")]
    [InlineData("""{"attn_layer_period":3,"attn_layer_offset":1}""", """{"attn_layer_period":2}""", "[0, 2]", "[0, 2]")]
    public async Task What_a_config_says_of_layers_by_their_numbers_or_by_counting_stays_true_of_them(
        string config, string expected, params string[] ranges)
    {
        using var child = await StackAsync(config, ranges);
        foreach (var (key, value) in JsonNode.Parse(expected)!.AsObject())
            Assert.Equal(value?.ToJsonString(), child.Config[key]?.ToJsonString());
    }

    [Fact]
    public async Task Layers_of_kinds_that_no_number_tells_in_their_order_are_refused()
    {
        var error = await Assert.ThrowsAsync<BadInputException>(() => StackAsync("""{"first_k_dense_replace":3}"""));
        Assert.Equal("slices[0].sources[0].layer_range (line 3, column 40)", error.Field);
        Assert.Contains(
            "`first_k_dense_replace` in config.json is 3, and no number tells what kind of layer is where", error.Reason);
    }

    private async Task<Checkpoint> StackAsync(string config, params string[] ranges)
    {
        Architectures.Write(_folder["a"], "llama", 1, layers: 6);
        var json = JsonNode.Parse(config)!.AsObject();
        json["num_hidden_layers"] = 6;
        File.WriteAllText(_folder["a/config.json"], json.ToJsonString());
        return await MergeAsync("merge_method: passthrough\nslices:\n"
            + string.Concat((ranges.Length > 0 ? ranges : ["[0, 6]", "[2, 5]"])
                .Select(range => $"  - {{sources: [{{model: a, layer_range: {range}}}]}}\n")));
    }

    [Fact]
    public async Task What_a_config_says_of_another_stack_of_layers_stays()
    {
        Write("a", "gemma3", 1);
        var config = JsonNode.Parse(File.ReadAllText(_folder["a/config.json"]))!.AsObject();
        (config["num_hidden_layers"], config["first_k_dense_replace"]) = (3, 1);
        File.WriteAllText(_folder["a/config.json"], config.ToJsonString());
        using var child = await MergeAsync("""
            merge_method: passthrough
            modules:
              vision_tower: {slices: [{sources: [{model: a, layer_range: [0, 2]}]}, {sources: [{model: a, layer_range: [0, 2]}]}]}
              default: {models: [{model: a}]}
            """);
        Assert.Equal(
            (3, 4), ((int)child.Config["num_hidden_layers"]!, (int)child.Config["vision_config"]!["num_hidden_layers"]!));
    }

    [Fact]
    public async Task A_module_goes_before_the_whole_and_after_its_slices()
    {
        Write("a", "gemma3", 1);
        Write("b", "gemma3", 2);
        using var child = await MergeAsync("""
            merge_method: linear
            modules:
              vision_tower: {models: [{model: a}, {model: b}], parameters: {weight: 2}}
              default: {models: [{model: a, parameters: {weight: 7}}, {model: b}]}
            parameters: {weight: 1, normalize: false}
            """);
        using Checkpoint a = Checkpoint.Open(_folder["a"]), b = Checkpoint.Open(_folder["b"]);
        foreach (var (tensor, wa, wb) in new[]
        {
            ("vision_tower.vision_model.encoder.layers.1.mlp.fc1.weight", 2, 2),
            ("multi_modal_projector.mm_input_projection_weight", 7, 1),
            ("language_model.model.layers.1.mlp.up_proj.weight", 7, 1),
        })
            Assert.All(Model.Read(child.Find(tensor)!).Zip(Model.Read(a.Find(tensor)!), Model.Read(b.Find(tensor)!)),
                value => Assert.Equal((wa * value.Second) + (wb * value.Third), value.First, 1e-4));
    }

    [Fact]
    public async Task Slices_that_are_the_whole_model_have_the_digest_of_the_models_and_stacked_ones_another()
    {
        Write("a", "llama", 1);
        Write("b", "llama", 2);
        const string Method = "merge_method: slerp\nbase_model: a\nparameters: {t: 0.5}\n";
        string Slices(string a, string b) =>
            $"{Method}slices: [{{sources: [{{model: a, layer_range: {a}}}, {{model: b, layer_range: {b}}}]}}]";
        using var whole = await OpenAsync(Slices("[0, 3]", "[0, 3]"));
        using var other = await OpenAsync(Slices("[0, 2]", "[0, 2]"));
        using var moved = await OpenAsync(Slices("[0, 2]", "[1, 3]"));
        Assert.Null(whole.Recipe.Assembly);
        Assert.Equal(
            new MergeRecipe(MergeConfig.Parse("c.yml", Slices("[0, 3]", "[0, 3]")).Body, whole.Recipe.Parents, null).Digest,
            whole.Recipe.Digest);
        Assert.Equal(3, new[] { whole, other, moved }.Select(merge => merge.Recipe.Digest).Distinct().Count());
    }

    [Fact]
    public async Task Rows_that_not_all_vocabularies_have_are_left_out_and_the_config_says_so()
    {
        Architectures.Write(_folder["a"], "llama", 1, vocabulary: 10);
        Architectures.Write(_folder["b"], "llama", 2, vocabulary: 12);
        using var child = await MergeAsync("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: b}, {model: a}]");
        Assert.Equal(10, (int)child.Config["vocab_size"]!);
        Assert.Equal([10, 8], child.Find("lm_head.weight")!.Shape);
        Assert.Equal([10, 8], child.Find("model.embed_tokens.weight")!.Shape);
        Assert.Equal([8], child.Find("model.norm.weight")!.Shape);
    }

    [Fact]
    public async Task A_model_whose_head_is_its_embedding_is_merged_with_one_that_has_a_head()
    {
        Write("a", "llama", 1);
        Architectures.Write(_folder["b"], "gemma2", 2);
        var tensors = Checkpoint.Open(_folder["a"]).Tensors.Where(tensor => tensor.Name != "lm_head.weight").Select(
            (tensor, i) => Model.Random(tensor.Name, DType.F32, [.. tensor.Shape], 50 + i)).ToArray();
        Model.Write(_folder["b"], tensors);
        File.WriteAllText(_folder["b/config.json"], """{"model_type":"llama","tie_word_embeddings":true}""");
        using var child =
            await MergeAsync("merge_method: linear\nparameters: {weight: 1, normalize: false}\nmodels: [{model: b}, {model: a}]");
        AssertHeadIsSum(child, ("a", "lm_head.weight"), ("b", "model.embed_tokens.weight"));
    }

    [Fact]
    public async Task A_model_that_says_its_head_is_its_embedding_is_taken_at_its_word_beside_one_that_says_it_is_not()
    {
        Write("a", "llama", 1);
        Write("b", "llama", 2);
        foreach (var (model, tied) in new[] { ("a", "true"), ("b", "false") })
            File.WriteAllText(_folder[$"{model}/config.json"], $$"""{"model_type":"llama","tie_word_embeddings":{{tied}}}""");
        using var child =
            await MergeAsync("merge_method: linear\nparameters: {weight: 1, normalize: false}\nmodels: [{model: a}, {model: b}]");
        AssertHeadIsSum(child, ("a", "model.embed_tokens.weight"), ("b", "lm_head.weight"));
    }

    // And no longer the embedding.
    private void AssertHeadIsSum(Checkpoint child, params (string Model, string Tensor)[] parts)
    {
        double[][] values = [.. parts.Select(part =>
        {
            using var model = Checkpoint.Open(_folder[part.Model]);
            return Model.Read(model.Find(part.Tensor)!);
        })];
        Assert.All(Model.Read(child.Find("lm_head.weight")!).Zip(values[0], values[1]),
            value => Assert.Equal(value.Second + value.Third, value.First, 1e-5));
        Assert.False((bool)child.Config["tie_word_embeddings"]!);
    }

    [Fact]
    public async Task A_source_of_a_slice_that_has_more_tensors_than_the_first_is_refused()
    {
        Write("a", "llama", 1);
        Write("b", "qwen2", 2);
        File.WriteAllText(_folder["b/config.json"], """{"model_type":"llama"}""");
        var error = await Assert.ThrowsAsync<BadInputException>(() => MergeAsync("""
            merge_method: linear
            parameters: {weight: 1}
            slices: [{sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [1, 2]}]}]
            """));
        Assert.Contains("slices[0].sources[1].layer_range", error.Field);
        Assert.Contains("has a tensor model.layers.1.self_attn.k_proj.bias, but", error.Message);
    }

    [Theory]
    [InlineData("slices: [{sources: [{model: a, layer_range: [0, 4]}]}]",
        "slices[0].sources[0].layer_range (line 3, column 45)", "ends at layer 4, but", "has 3 layers")]
    [InlineData("slices: [{sources: [{model: g, layer_range: [0, 1]}]}]", "slices[0].sources[0].layer_range (line 3, column 45)",
        "several stacks of layers (language_model.model.layers, vision_tower.vision_model.encoder.layers)", "modules")]
    [InlineData("slices: [{sources: [{model: a, layer_range: [0, 1]}, {model: q, layer_range: [0, 1]}]}]",
        "(line 3, column 62)", "model_type", "must have the same architecture")]
    [InlineData(
        "models: [{model: a}, {model: short}]", "models[1].model (line 3, column 30)", "num_hidden_layers", "is 2, but 3")]
    [InlineData("models: [{model: a}, {model: none}]", "models[1].model (line 3, column 30)", "none", "there is no such folder")]
    [InlineData("modules: {text_model: {models: [{model: a}]}}", "modules", "add `default`", "lm_head.weight")]
    public async Task What_a_configuration_asks_for_and_is_not_there_is_an_error_with_its_place(
        string text, string field, params string[] expected)
    {
        Write("a", "llama", 1);
        Write("q", "qwen2", 1);
        Write("g", "gemma3", 1);
        Architectures.Write(_folder["short"], "llama", 3, layers: 2);
        var before = _folder.Contents();
        var error = await Assert.ThrowsAsync<BadInputException>(
            () => MergeAsync($"merge_method: linear\nparameters: {{weight: 1}}\n{text}"));
        Assert.Equal("c.yml", error.File);
        Assert.Contains(field, error.Field);
        Assert.All(expected, part => Assert.Contains(part, error.Message));
        Assert.Equal(before, _folder.Contents());
    }

    [Fact]
    public async Task A_merge_that_is_refused_leaves_no_folder_of_those_it_would_have_made()
    {
        Write("a", "llama", 1);
        Directory.CreateDirectory(_folder["there"]);
        var before = _folder.Contents();
        foreach (var place in new[] { "new/deep/child", "there/deep/child" })
            await Assert.ThrowsAsync<BadInputException>(() => MergePipeline.RunAsync(
                MergeConfig.ParseAll("c.yml",
                    "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: none}]"), _folder.Path,
                new(new("http://127.0.0.1:9/"), _folder["cache"], Offline: true), null, _folder[place],
                CheckpointWriter.DefaultMaxShardSize, null));
        Assert.Equal(before, _folder.Contents());
        Assert.Empty(Directory.GetFileSystemEntries(_folder["there"]));
        Assert.False(Directory.Exists(_folder["new"]));
    }

    [Fact]
    public async Task Task_vectors_of_stacked_layers_begin_at_the_layers_of_the_base()
    {
        Write("a", "llama", 1);
        Write("base", "llama", 2);
        using var child = await MergeAsync("""
            merge_method: task_arithmetic
            base_model: base
            slices:
              - sources: [{model: a, layer_range: [1, 2]}, {model: base, layer_range: [2, 3]}]
              - sources: [{model: a, layer_range: [0, 1]}]
            parameters: {weight: 0.5}
            """);
        using Checkpoint a = Checkpoint.Open(_folder["a"]), b = Checkpoint.Open(_folder["base"]);
        foreach (var (name, ofA, ofBase) in new[] { (0, 1, 2), (1, 0, 0) })
            Assert.All(Model.Read(child.Find($"model.layers.{name}.mlp.up_proj.weight")!)
                .Zip(Model.Read(a.Find($"model.layers.{ofA}.mlp.up_proj.weight")!),
                    Model.Read(b.Find($"model.layers.{ofBase}.mlp.up_proj.weight")!)),
                value => Assert.Equal((value.Second + value.Third) / 2, value.First, 1e-5));
    }

    [Fact]
    public async Task The_seed_of_a_configuration_counts_where_the_caller_has_none_and_only_for_methods_that_draw()
    {
        Write("a", "llama", 1);
        Write("base", "llama", 2);
        async Task<string> DigestAsync(string method, string seed, long? given = null)
        {
            using var merge = await OpenAsync(
                $"merge_method: {method}\nbase_model: base\nparameters: {{weight: 1}}\nmodels: [{{model: a}}]\n{seed}", given);
            return merge.Recipe.Digest;
        }
        var seven = await DigestAsync("dare_linear", "random_seed: 7");
        Assert.Equal(seven, await DigestAsync("dare_linear", "", 7));
        Assert.Equal(seven, await DigestAsync("dare_linear", "random_seed: 8", 7));
        Assert.NotEqual(seven, await DigestAsync("dare_linear", "random_seed: 8"));
        Assert.Equal(await DigestAsync("dare_linear", ""), await DigestAsync("dare_linear", "random_seed: 0"));
        Assert.Equal(await DigestAsync("task_arithmetic", ""), await DigestAsync("task_arithmetic", "random_seed: 7"));
    }

    private void Write(string name, string type, int seed) => Architectures.Write(_folder[name], type, seed);

    private Task<ConfiguredMerge> OpenAsync(string text, long? seed = null) => ConfiguredMerge.OpenAsync(
        MergeConfig.Parse("c.yml", text),
        _folder.Path,
        new ModelLocator(new(new("http://127.0.0.1:9/"), _folder["cache"], Offline: true)),
        _folder["scratch"],
        seed);

    private async Task<Checkpoint> MergeAsync(string text)
    {
        using var merge = await OpenAsync(text);
        var target = _folder[$"child{_children++}"];
        merge.Write(target);
        return Checkpoint.Open(target);
    }
}
