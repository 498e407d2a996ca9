using Pedigree.Weights.Configuration;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using Xunit;

namespace Pedigree.Weights.Tests.Merging;

public sealed class MergeConfigTests
{
    /// <summary>What the models of the paper were made with, as their cards show it.</summary>
    private const string Paper = """
        slices:
          - sources:
              - model: a
                layer_range: [0, 32]
              - model: b
                layer_range: [0, 32]
        merge_method: slerp
        base_model: a
        parameters:
          t:
            - filter: self_attn
              value: [0, 0.5, 0.3, 0.7, 1]
            - filter: mlp
              value: [1, 0.5, 0.7, 0.3, 0]
            - value: 0.5
        dtype: bfloat16
        """;

    [Fact]
    public void A_gradient_is_interpolated_over_the_layers_and_a_filter_chooses_by_name()
    {
        double[] expected = [0, .0645, .1290, .1935, .2581, .3226, .3871, .4516, .4935, .4677];
        for (var layer = 0; layer < 32; layer++)
        {
            var attention = T(MergeConfig.Parse("c.yml", Paper).Body, $"model.layers.{layer}.self_attn.q_proj.weight", 32);
            if (layer < expected.Length)
                Assert.Equal(expected[layer], attention, 5e-5);
            Assert.Equal(
                1 - attention, T(MergeConfig.Parse("c.yml", Paper).Body, $"model.layers.{layer}.mlp.up_proj.weight", 32), 1e-12);
            Assert.Equal(0.5, T(MergeConfig.Parse("c.yml", Paper).Body, $"model.layers.{layer}.input_layernorm.weight", 32));
        }
        Assert.Equal(1, T(MergeConfig.Parse("c.yml", Paper).Body, "model.layers.31.self_attn.q_proj.weight", 32));
        Assert.Equal(.9613, T(MergeConfig.Parse("c.yml", Paper).Body, "model.layers.30.self_attn.q_proj.weight", 32), 5e-5);
    }

    [Theory]
    [InlineData("model.embed_tokens.weight", 0.1)]
    [InlineData("model.norm.weight", 0.1)]
    [InlineData("lm_head.weight", 0.1)]
    [InlineData("model.layers.0.mlp.w", 0.1)]
    [InlineData("model.layers.1.mlp.w", 0.5)]
    [InlineData("model.layers.2.mlp.w", 0.9)]
    public void Tensors_outside_the_layers_take_the_first_value_of_a_gradient(string tensor, double expected) =>
        Assert.Equal(expected, T(Body("method: slerp\nparameters: { t: [0.1, 0.9] }"), tensor, 3), 1e-12);

    [Fact]
    public void The_only_layer_of_a_slice_takes_the_last_value_of_a_gradient() =>
        Assert.Equal(0.9, T(Body("method: slerp\nparameters: { t: [0.1, 0.9] }"), "model.layers.0.mlp.w", 1), 1e-12);

    [Fact]
    public void The_first_filter_that_fits_wins_and_a_star_fits_all()
    {
        var body = Body("method: slerp\nparameters: { t: [{filter: '*', value: 0.2}, {filter: mlp, value: 0.7}] }");
        Assert.Equal(0.2, T(body, "model.layers.0.mlp.w", 1));
    }

    [Fact]
    public void A_source_goes_before_its_slice_and_a_slice_before_the_whole()
    {
        var config = MergeConfig.Parse("c.yml", """
            merge_method: linear
            slices:
              - sources: [{model: a, layer_range: [0, 2], parameters: {weight: [{filter: mlp, value: 3}]}}, {model: b, layer_range: [0, 2]}]
                parameters: {weight: 2}
              - sources: [{model: a, layer_range: [2, 4]}, {model: b, layer_range: [2, 4]}]
            parameters: {weight: 1, normalize: false}
            """);
        string[] tensors = ["layers.0.mlp", "layers.0.attn", "layers.3.mlp"];
        var coefficients = new MergePlan(config.Body, 2, tensors).Coefficients(null);
        Assert.Equal([3, 2], coefficients[0]!);
        Assert.Equal([2, 2], coefficients[1]!);
        Assert.Equal([1, 1], coefficients[2]!);
    }

    [Fact]
    public void The_base_model_is_the_first_whatever_its_place_in_the_list()
    {
        var config = MergeConfig.Parse("c.yml",
            "merge_method: slerp\nmodels: [{model: a}, {model: b}]\nbase_model: b\nparameters: {t: 0.5}");
        Assert.Equal(["b", "a"], config.Models);
    }

    [Fact]
    public void Where_every_slice_of_every_module_has_its_own_base_model_none_need_stand_at_the_top()
    {
        const string Text = """
            merge_method: slerp
            parameters: {t: 0.5}
            modules:
              text: {slices: [{base_model: b, sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]}]}
              default: {slices: [{base_model: a, sources: [{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]}]}
            """;
        var config = MergeConfig.Parse("c.yml", Text);
        Assert.Equal(["b", "a"], config.Models);
        Assert.Equal(["b a", "a b"], config.Layout!.Select(slice => string.Join(' ', slice.Sources.Select(source => config.Models[source.Model]))));
        Assert.Contains("must have the key `base_model`",
            Assert.Throws<BadInputException>(() => MergeConfig.Parse("c.yml", Text.Replace("base_model: a, ", "", StringComparison.Ordinal))).Message);
    }

    [Fact]
    public void Keys_at_the_top_that_only_hold_anchors_begin_with_x()
    {
        const string Text = "x-common: &common {weight: 0.25}\nmerge_method: linear\nmodels: [{model: a, parameters: *common}, {model: b, parameters: {weight: 1}}]";
        Assert.Equal([0.2, 0.8], new MergePlan(MergeConfig.Parse("c.yml", Text).Body, 2, ["layers.0.mlp"]).Coefficients(null)[0]!);
        Assert.Contains("unknown key `_common` at line 1; ",
            Assert.Throws<BadInputException>(() => MergeConfig.Parse("c.yml", Text.Replace("x-", "_", StringComparison.Ordinal))).Message);
    }

    [Fact]
    public void One_meaning_has_one_digest_however_it_is_written_and_another_has_another()
    {
        string Digest(string body, params string[] parents) => new MergeRecipe(Body(body), parents, "base").Digest;
        var digest = Digest("method: slerp\nparameters: {t: 0.5}", "a", "b");
        Assert.Equal(digest, Digest("{\"parameters\": {\"t\": 5e-1}, \"merge_method\": \"slerp\"}", "a", "b"));
        Assert.NotEqual(digest, Digest("method: slerp\nparameters: {t: 0.5}", "b", "a"));
        Assert.NotEqual(digest, Digest("method: slerp\nparameters: {t: 0.25}", "a", "b"));
        Assert.NotEqual(digest, Digest("method: slerp\nparameters: {t: 0.5}\ndtype: float32", "a", "b"));
    }

    [Fact]
    public void Numbers_in_quotes_older_booleans_and_torchs_names_of_types_mean_the_same()
    {
        MergeBody Parsed(string text) => MergeConfig.Parse("c.yml", text).Body;
        var plain = Parsed("""
            merge_method: ties
            base_model: a
            slices: [{sources: [{model: a, layer_range: [0, 4]}, {model: b, layer_range: [0, 4], parameters: {weight: [0, 0.5], density: [{filter: mlp, value: 0.3}, {value: 1}]}}]}]
            parameters: {normalize: true, int8_mask: false, lambda: 0.9}
            dtype: bfloat16
            out_dtype: float32
            """);
        var quoted = Parsed("""
            merge_method: ties
            base_model: a
            slices: [{sources: [{model: a, layer_range: ['0', '4']}, {model: b, layer_range: [0, "4"], parameters: {weight: ["0", "5e-1"], density: [{filter: mlp, value: "0.3"}, {value: "1"}]}}]}]
            parameters: {normalize: yes, int8_mask: 'false', lambda: ".9"}
            dtype: torch.bfloat16
            out_dtype: torch.float32
            """);
        Assert.Equal(plain.ToJson().ToJsonString(), quoted.ToJson().ToJsonString());
    }

    [Theory]
    [InlineData("merge_methd: slerp\nmodels: [{model: a}]", "merge_methd")]
    [InlineData("merge_method: slrp\nmodels: [{model: a}]", "there is no method `slrp`; did you mean `slerp`?")]
    [InlineData("merge_method: frankenmerge\nmodels: [{model: a}]", "there is no method `frankenmerge`; known: ")]
    [InlineData("merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters: {t: 1.5}",
        "t is 1.5; it must be from 0 to 1")]
    [InlineData("merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters: {t: [0, -0.1]}", "t is -0.1")]
    [InlineData("merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters: {tt: 1}", "known here: `t`")]
    [InlineData("merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]", "slerp needs the parameter `t`")]
    [InlineData("merge_method: slerp\nmodels: [{model: a}, {model: b}]\nparameters: {t: 0.5}", "base_model")]
    [InlineData("merge_method: slerp\nbase_model: c\nmodels: [{model: a}, {model: b}]\nparameters: {t: 0.5}",
        "one of the models: `a`, `b`")]
    [InlineData("merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}, {model: c}]\nparameters: {t: 0.5}",
        "exactly 2 models, not 3")]
    [InlineData("merge_method: linear\nmodels: [{model: a}, {model: a}]\nparameters: {weight: 1}", "`a` is listed twice")]
    [InlineData("merge_method: linear\nmodels: [{model: a, wieght: 1}]", "unknown key `wieght`")]
    [InlineData("merge_method: linear\nmodels: [{model: a}]", "linear needs the parameter `weight`")]
    [InlineData("merge_method: linear\nmodels: [{model: a, parameters: {weight: x}}]", "must be a finite number")]
    [InlineData("merge_method: linear\nparameters: {weight: 1, normalize: often}\nmodels: [{model: a}]",
        "parameters.normalize (line 2, column 36): must be `true` or `false`")]
    [InlineData("merge_method: linear\nparameters: {weight: '1,5'}\nmodels: [{model: a}]", "must be a finite number")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: {model: {pth: a}}}]",
        "models[0].model.model (line 3, column 26): must have the key `path`")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: {model: a, lra: b}}]",
        "unknown key `lra` at line 3; did you mean `lora`?")]
    [InlineData(
        "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: {model: a, override_architecture: X}}]", "leave it out")]
    [InlineData("merge_method: slerp\nbase_model: a\nparameters: {t: 1}\nmodels: [{model: a, parameters: {w: 1}}, {model: b}]",
        "unknown key `w` at line 4; no key is known here")]
    [InlineData("merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\nrandom_seed: dice",
        "random_seed (line 3, column 14): must be a whole number")]
    [InlineData("merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\nrandomseed: 0", "unknown key `randomseed`")]
    [InlineData(
        "merge_method: linear\nmodels: [{model: a, parameters: {weight: 1}}]\ndtype: int8", "bfloat16, float16 or float32")]
    [InlineData("merge_method: model_stock\nbase_model: a\nmodels: [{model: b}, {model: c}]\nfilter_wise: true",
        "unknown key `filter_wise` at line 4; it is a parameter: put it under `parameters`")]
    [InlineData("merge_method: model_stock\nbase_model: a\nmodels: [{model: b}, {model: c}]\nint8_mask: true",
        "unknown key `int8_mask` at line 4; model_stock has no such parameter: leave it out")]
    [InlineData("merge_method: linear\nmodels: [{model: a, weight: 1}]",
        "unknown key `weight` at line 2; it is a parameter: put it under `parameters`")]
    [InlineData("merge_method: slerp\nbase_model: a\nmodels: [{model: a, parameters: {t: 1}}, {model: b}]",
        "unknown key `t` at line 3; slerp has one for all models: put it under the `parameters` of the whole")]
    [InlineData("merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters: {t: {filter: mlp, value: 1}}",
        "or a list of {filter, value}, even where that has one entry")]
    [InlineData("merge_method: linear\nbase_model: a\nmodels: [{model: b, parameters: {weight: 1}}]",
        "for all models or for each; base_model is one of them")]
    [InlineData("merge_method: nuslerp\nparameters: {weight: 1}\nslices:\n- {sources: [{model: a, "
        + "layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}], base_model: c}\n- {sources: "
        + "[{model: a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]}",
        "slices[0].base_model (line 4, column 93): is that of some slices only")]
    [InlineData("merge_method: slerp\nparameters: {t: 1}\nslices:\n- {sources: [{model: a, layer_range: "
        + "[0, 1]}, {model: b, layer_range: [0, 1]}], base_model: a}\n- {sources: [{model: "
        + "a, layer_range: [0, 1]}, {model: b, layer_range: [0, 1]}]}",
        "must have the key `base_model`")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}]\ntokenizer: {tokens: {x: {force: true}}}",
        "tokenizer.tokens.x (line 4, column 25): must have the key `source`")]
    [InlineData("merge_method: linear\nparameters: {weight: 1}", "either `models`, `slices` or `modules`")]
    public void A_wrong_configuration_is_one_clear_error_with_its_place(string text, string expected)
    {
        var error = Assert.Throws<BadInputException>(() => MergeConfig.Parse("c.yml", text));
        Assert.Equal("c.yml", error.File);
        Assert.Contains("line", error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Fact]
    public void Filters_that_leave_a_tensor_without_a_value_are_refused_by_tensor()
    {
        var error = Assert.Throws<BadInputException>(
            () => T(Body("method: slerp\nparameters: {t: [{filter: mlp, value: 1}]}"), "model.norm.weight", 1));
        Assert.Contains("no filter fits tensor model.norm.weight", error.Message);
    }

    [Fact]
    public void Slices_that_end_before_the_layers_do_are_refused()
    {
        var error = Assert.Throws<BadInputException>(() => T(MergeConfig.Parse("c.yml", Paper).Body, "model.layers.3.mlp.w", 40));
        Assert.Contains("end at layer 32, but the models have 40 layers", error.Message);
    }

    private static MergeBody Body(string text) => MergeBody.Parse(ConfigurationReader.Parse("spec.yml", text));

    /// <summary>SLERP's t of a tensor, seen through the lerp branch: two equal tensors of length 1.</summary>
    private static double T(MergeBody body, string tensor, int layers)
    {
        string[] tensors = [tensor, $"model.layers.{layers - 1}.last"];
        double[] ones = [1, 1];
        GramRow Row(string model) => new()
        {
            Base = null,
            Model = model,
            Measured = true,
            Tensors = tensors,
            Counts = [1, 1],
            BaseBase = [0, 0],
            BaseSum = [0, 0],
            DeltaBase = [0, 0],
            DeltaDelta = ones,
            DeltaSum = ones,
            Others = new Dictionary<string, IReadOnlyList<double>> { ["a"] = ones, ["b"] = ones },
        };
        return new MergeRecipe(body, ["a", "b"], null).Coefficients([Row("a"), Row("b")])![0][1];
    }
}
