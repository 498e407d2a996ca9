using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using Pedigree.Weights.References;
using Pedigree.Weights.Tests.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Merging;

public sealed class AdapterTests : IDisposable
{
    private const int Rank = 2;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("\"lora_alpha\":8,\"use_rslora\":false", 4)]
    [InlineData("\"lora_alpha\":8,\"use_rslora\":true", 5.656854249492381)]
    [InlineData("\"lora_alpha\":8,\"alpha_pattern\":{\"mlp.up_proj\":2}", 1)]
    [InlineData("\"lora_alpha\":4,\"alpha_pattern\":{\"p_proj\":2,\"model\\\\.layers\\\\.(0|1)\\\\.mlp\\\\..*\":6}", 3)]
    [InlineData("\"use_rslora\":false", 4)]
    public async Task The_product_of_its_factors_is_added_scaled(string settings, double scale)
    {
        Architectures.Write(_folder["model"], "llama");
        Write(settings, ("model.layers.1.mlp.up_proj.lora_A.weight", [Rank, 8]),
            ("model.layers.1.mlp.up_proj.lora_B.weight", [12, Rank]));
        using var child = await MergeAsync();
        using var model = Checkpoint.Open(_folder["model"]);
        var (a, b) = (Factor("model.layers.1.mlp.up_proj.lora_A.weight"), Factor("model.layers.1.mlp.up_proj.lora_B.weight"));
        foreach (var tensor in model.Tensors)
        {
            var expected = Model.Read(tensor);
            if (tensor.Name == "model.layers.1.mlp.up_proj.weight")
                for (var row = 0; row < 12; row++)
                    for (var column = 0; column < 8; column++)
                        for (var k = 0; k < Rank; k++)
                            expected[(row * 8) + column] += scale * b[(row * Rank) + k] * a[(k * 8) + column];
            Assert.All(expected.Zip(Model.Read(child.Find(tensor.Name)!)), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
    }

    [Fact]
    public async Task Weights_that_lie_transposed_embeddings_and_modules_trained_whole_are_known()
    {
        Architectures.Write(_folder["model"], "gpt2");
        Write("\"lora_alpha\":2,\"fan_in_fan_out\":true",
            ("transformer.h.0.mlp.c_fc.lora_A.weight", [Rank, 8]), ("transformer.h.0.mlp.c_fc.lora_B.weight", [12, Rank]),
            ("transformer.wte.lora_embedding_A", [Rank, 10]), ("transformer.wte.lora_embedding_B", [8, Rank]),
            ("transformer.ln_f.modules_to_save.weight", [8]));
        using var child = await MergeAsync();
        using var model = Checkpoint.Open(_folder["model"]);
        void Check(string tensor, string a, string b, int rows, int columns)
        {
            var (expected, left, right) = (Model.Read(model.Find(tensor)!), Factor(a), Factor(b));
            for (var row = 0; row < rows; row++)
                for (var column = 0; column < columns; column++)
                    for (var k = 0; k < Rank; k++)
                        expected[(row * columns) + column] += left[(k * rows) + row] * right[(column * Rank) + k];
            Assert.All(expected.Zip(Model.Read(child.Find(tensor)!)), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        }
        Check("h.0.mlp.c_fc.weight", "transformer.h.0.mlp.c_fc.lora_A.weight", "transformer.h.0.mlp.c_fc.lora_B.weight", 8, 12);
        Check("wte.weight", "transformer.wte.lora_embedding_A", "transformer.wte.lora_embedding_B", 10, 8);
        Assert.Equal(Factor("transformer.ln_f.modules_to_save.weight"), Model.Read(child.Find("ln_f.weight")!));
    }

    [Fact]
    public async Task What_was_trained_whole_gets_the_weights_own_type_and_factors_are_added_to_it()
    {
        Architectures.Write(_folder["model"], "qwen2");
        const string Embedding = "model.embed_tokens", Bias = "model.layers.0.self_attn.q_proj";
        Write("\"lora_alpha\":2,\"bias\":\"all\"",
            DType.F16, ($"{Embedding}.base_layer.weight", [10, 8]), ($"{Embedding}.lora_embedding_A", [Rank, 10]),
            ($"{Embedding}.lora_embedding_B", [8, Rank]), ($"{Bias}.base_layer.bias", [8]), ("model.norm.weight", [8]));
        using var child = await MergeAsync();
        Assert.All(child.Tensors, tensor => Assert.Equal(DType.F32, tensor.DType));
        Assert.Equal(Factor("model.norm.weight"), Model.Read(child.Find("model.norm.weight")!));
        Assert.Equal(Factor($"{Bias}.base_layer.bias"), Model.Read(child.Find($"{Bias}.bias")!));
        var (whole, a, b) = (Factor(
            $"{Embedding}.base_layer.weight"), Factor($"{Embedding}.lora_embedding_A"), Factor($"{Embedding}.lora_embedding_B"));
        Assert.All(Model.Read(child.Find($"{Embedding}.weight")!).Select((value, i) => (value, Row: i / 8, Column: i % 8)),
            element => Assert.Equal(
                whole[(element.Row * 8) + element.Column] + Enumerable.Range(0, Rank)
                    .Sum(k => a[(k * 10) + element.Row] * b[(element.Column * Rank) + k]), element.value, 1e-5));
    }

    [Fact]
    public async Task A_head_that_was_trained_whole_is_the_embedding_no_longer()
    {
        Architectures.Write(_folder["model"], "gemma2");
        Write("\"lora_alpha\":2", ("model.embed_tokens.weight", [10, 8]), ("lm_head.weight", [10, 8]));
        using var child = await MergeAsync();
        Assert.Equal(Factor("lm_head.weight"), Model.Read(child.Find("lm_head.weight")!));
        Assert.Equal(Factor("model.embed_tokens.weight"), Model.Read(child.Find("model.embed_tokens.weight")!));
        Assert.False((bool)child.Config["tie_word_embeddings"]!);
    }

    [Theory]
    [InlineData("model.layers.1.mlp.up_proj.lora_B.bias", 12, "is no part of a plain LoRA adapter")]
    [InlineData("model.layers.1.mlp.up_proj.lora_A.other.weight", 8, "is no part of a plain LoRA adapter")]
    [InlineData("model.layers.1.mlp.gate_proj.lora_B.weight", 12, "has no lora_A beside it")]
    [InlineData("model.norm.weight", 9, "has shape [9], but model.norm.weight [8]")]
    public async Task What_an_adapter_has_beside_its_factors_is_never_left_out_in_silence(
        string name, int length, string expected)
    {
        Architectures.Write(_folder["model"], "llama");
        Write("\"lora_alpha\":8", ("model.layers.1.mlp.up_proj.lora_A.weight", [Rank, 8]),
            ("model.layers.1.mlp.up_proj.lora_B.weight", [12, Rank]), (name, [length]));
        var error = await Assert.ThrowsAsync<BadInputException>(() => MergeAsync());
        Assert.Contains(name, error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Theory]
    [InlineData("\"peft_type\":\"LOHA\"", "peft_type", "only plain LoRA")]
    [InlineData("\"use_dora\":true", "use_dora", "only plain LoRA")]
    [InlineData("\"lora_bias\":true", "lora_bias", "only plain LoRA")]
    [InlineData("\"lora_alpha\":\"8\"", "lora_alpha", "must be a number")]
    [InlineData("\"alpha_pattern\":{\"up_(\":8}", "alpha_pattern", "is no regular expression")]
    [InlineData("\"r\":4", "r", "has rank 2")]
    public async Task An_adapter_of_another_kind_is_refused(string settings, string field, string expected)
    {
        Architectures.Write(_folder["model"], "llama");
        Write(settings, ("model.layers.1.mlp.up_proj.lora_A.weight", [Rank, 8]),
            ("model.layers.1.mlp.up_proj.lora_B.weight", [12, Rank]));
        var error = await Assert.ThrowsAsync<BadInputException>(() => MergeAsync());
        Assert.Contains("adapter_config.json", error.Message);
        Assert.Contains(field, error.Message);
        Assert.Contains(expected, error.Message);
        Assert.Contains("line 3, column 18", error.Message);
    }

    [Theory]
    [InlineData("model.layers.1.mlp.up_proj.lora_A.weight", double.NaN, "element 3 is NaN")]
    [InlineData("model.layers.1.mlp.up_proj.lora_B.weight", double.PositiveInfinity, "element 3 is infinite")]
    [InlineData(
        "model.layers.1.mlp.up_proj.lora_B.weight", 1e38, "merged into model.layers.1.mlp.up_proj.weight it overflows F32")]
    [InlineData("model.norm.weight", double.NaN, "element 3 is NaN")]
    public async Task A_weight_of_an_adapter_that_is_not_finite_or_too_large_is_named_as_in_its_own_file(
        string tensor, double value, string expected)
    {
        Architectures.Write(_folder["model"], "llama");
        Model.Values[] values = [.. new (string Name, long[] Shape)[]
        {
            ("model.layers.1.mlp.up_proj.lora_A.weight", [Rank, 8]),
            ("model.layers.1.mlp.up_proj.lora_B.weight", [12, Rank]),
            ("model.norm.weight", [8]),
        }.Select(each => Model.Random($"base_model.model.{each.Name}", DType.F32, each.Shape, 7, scale: 10))];
        values.Single(each => each.Name.EndsWith(tensor)).Elements[3] = value;
        Write("\"lora_alpha\":64", values);
        var error = await Assert.ThrowsAsync<BadInputException>(() => MergeAsync());
        Assert.Contains($"{_folder["adapter/adapter_model.safetensors"]}: base_model.model.{tensor}: ", error.Message);
        Assert.Contains(expected, error.Message);
        Assert.False(Directory.Exists(_folder["scratch"]));
    }

    [Fact]
    public async Task An_adapter_of_whole_numbers_is_refused()
    {
        Architectures.Write(_folder["model"], "llama");
        Write("\"lora_alpha\":8", new Model.Values("base_model.model.model.norm.weight", DType.I64, [8], new double[8]));
        Assert.Contains("is of type I64; an adapter's weights must be BF16, F16 or F32",
            (await Assert.ThrowsAsync<BadInputException>(() => MergeAsync())).Message);
    }

    [Theory]
    [InlineData("model.layers.7.mlp.up_proj", 8, "was the adapter trained on another model?")]
    [InlineData("model.layers.1.mlp.up_proj", 9, "which does not fit")]
    public async Task An_adapter_of_another_model_is_refused(string module, int columns, string expected)
    {
        Architectures.Write(_folder["model"], "llama");
        Write("\"lora_alpha\":8", ($"{module}.lora_A.weight", [Rank, columns]), ($"{module}.lora_B.weight", [12, Rank]));
        Assert.Contains(expected, (await Assert.ThrowsAsync<BadInputException>(() => MergeAsync())).Message);
        Assert.False(Directory.Exists(_folder["scratch"]));
    }

    [Fact]
    public async Task A_factor_that_is_no_matrix_is_refused()
    {
        Architectures.Write(_folder["model"], "llama");
        Write("\"lora_alpha\":8", ("model.layers.1.mlp.up_proj.lora_A.weight", [8]),
            ("model.layers.1.mlp.up_proj.lora_B.weight", [12, Rank]));
        Assert.Contains("must be a matrix", (await Assert.ThrowsAsync<BadInputException>(() => MergeAsync())).Message);
    }

    private void Write(string settings, params (string Name, long[] Shape)[] tensors) => Write(settings, DType.F32, tensors);

    private void Write(string settings, DType dType, params (string Name, long[] Shape)[] tensors) =>
        Write(settings,
            [.. tensors.Select((tensor, i) => Model.Random($"base_model.model.{tensor.Name}", dType, tensor.Shape, 70 + i))]);

    private void Write(string settings, params Model.Values[] tensors)
    {
        Model.Write(_folder["adapter"], tensors);
        File.Move(_folder["adapter/model.safetensors"], _folder["adapter/adapter_model.safetensors"]);
        File.Delete(_folder["adapter/config.json"]);
        var kind = settings.Contains("peft_type") ? "" : "\"peft_type\":\"LORA\",";
        var rank = settings.Contains("\"r\"") ? "" : $"\"r\":{Rank},";
        var bias = settings.Contains("\"bias\"") ? "" : "\"bias\":\"none\",";
        File.WriteAllText(_folder["adapter/adapter_config.json"], $$"""{{{kind}}{{rank}}{{bias}}{{settings}}}""");
    }

    private double[] Factor(string name)
    {
        using var adapter = Checkpoint.OpenFile(_folder["adapter/adapter_model.safetensors"]);
        return Model.Read(adapter.Find($"base_model.model.{name}")!);
    }

    private async Task<Checkpoint> MergeAsync()
    {
        var config = MergeConfig.Parse("c.yml",
            "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: model+adapter}]");
        using var merge = await ConfiguredMerge.OpenAsync(config,
            _folder.Path, new ModelLocator(new(new("http://127.0.0.1:9/"), _folder["cache"], Offline: true)), _folder["scratch"]);
        merge.Write(_folder["child"]);
        return Checkpoint.Open(_folder["child"]);
    }
}
