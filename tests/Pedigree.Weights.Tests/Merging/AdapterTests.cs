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
    public async Task The_product_of_its_factors_is_added_scaled(string settings, double scale)
    {
        Architectures.Write(_folder["model"], "llama");
        Write(settings, ("model.layers.1.mlp.up_proj.lora_A.weight", [Rank, 8]), ("model.layers.1.mlp.up_proj.lora_B.weight", [12, Rank]));
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

    [Theory]
    [InlineData("\"peft_type\":\"LOHA\"", "peft_type", "only plain LoRA")]
    [InlineData("\"use_dora\":true", "use_dora", "only plain LoRA")]
    [InlineData("\"r\":4", "r", "has rank 2")]
    public async Task An_adapter_of_another_kind_is_refused(string settings, string field, string expected)
    {
        Architectures.Write(_folder["model"], "llama");
        Write(settings, ("model.layers.1.mlp.up_proj.lora_A.weight", [Rank, 8]), ("model.layers.1.mlp.up_proj.lora_B.weight", [12, Rank]));
        var error = await Assert.ThrowsAsync<BadInputException>(() => MergeAsync());
        Assert.Contains("adapter_config.json", error.Message);
        Assert.Contains(field, error.Message);
        Assert.Contains(expected, error.Message);
        Assert.Contains("line 3, column 18", error.Message);
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
        Write("\"lora_alpha\":8", ("model.layers.1.mlp.up_proj.lora_A.weight", [8]), ("model.layers.1.mlp.up_proj.lora_B.weight", [12, Rank]));
        Assert.Contains("must be a matrix", (await Assert.ThrowsAsync<BadInputException>(() => MergeAsync())).Message);
    }

    private void Write(string settings, params (string Name, long[] Shape)[] tensors)
    {
        Model.Write(_folder["adapter"], [.. tensors.Select((tensor, i) => Model.Random($"base_model.model.{tensor.Name}", DType.F32, tensor.Shape, 70 + i))]);
        File.Move(_folder["adapter/model.safetensors"], _folder["adapter/adapter_model.safetensors"]);
        File.Delete(_folder["adapter/config.json"]);
        var kind = settings.Contains("peft_type") ? "" : "\"peft_type\":\"LORA\",";
        var rank = settings.Contains("\"r\"") ? "" : $"\"r\":{Rank},";
        File.WriteAllText(_folder["adapter/adapter_config.json"], $$"""{{{kind}}{{rank}}"bias":"none",{{settings}}}""");
    }

    private double[] Factor(string name)
    {
        using var adapter = Checkpoint.OpenFile(_folder["adapter/adapter_model.safetensors"]);
        return Model.Read(adapter.Find($"base_model.model.{name}")!);
    }

    private async Task<Checkpoint> MergeAsync()
    {
        var config = MergeConfig.Parse("c.yml", "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: model+adapter}]");
        using var merge = await ConfiguredMerge.OpenAsync(config, _folder.Path, new ModelLocator(new(new("http://127.0.0.1:9/"), _folder["cache"], Offline: true)), _folder["scratch"]);
        merge.Write(_folder["child"]);
        return Checkpoint.Open(_folder["child"]);
    }
}
