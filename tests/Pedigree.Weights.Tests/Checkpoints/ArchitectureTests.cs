using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Checkpoints;

/// <summary>The tensor names and (small) shapes of real models' files.</summary>
public sealed class ArchitectureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string, string[], string[], string[]> Models => new()
    {
        { "llama", "model.layers", ["model.embed_tokens.weight"], ["model.norm.weight", "lm_head.weight"],
            ["model.embed_tokens.weight", "lm_head.weight"] },
        { "mistral", "model.layers", ["model.embed_tokens.weight"], ["model.norm.weight", "lm_head.weight"],
            ["model.embed_tokens.weight", "lm_head.weight"] },
        { "mixtral", "model.layers", ["model.embed_tokens.weight"], ["model.norm.weight", "lm_head.weight"],
            ["model.embed_tokens.weight", "lm_head.weight"] },
        { "qwen2", "model.layers", ["model.embed_tokens.weight"], ["model.norm.weight"], ["model.embed_tokens.weight"] },
        { "qwen3", "model.layers", ["model.embed_tokens.weight"], ["model.norm.weight", "lm_head.weight"],
            ["model.embed_tokens.weight", "lm_head.weight"] },
        { "gemma2", "model.layers", ["model.embed_tokens.weight"], ["model.norm.weight"], ["model.embed_tokens.weight"] },
        { "gemma3", "language_model.model.layers",
            ["language_model.model.embed_tokens.weight", "vision_tower.vision_model.embeddings.patch_embedding.weight",
                "vision_tower.vision_model.embeddings.position_embedding.weight"],
            ["language_model.model.norm.weight", "multi_modal_projector.mm_input_projection_weight",
                "vision_tower.vision_model.post_layernorm.weight"], ["language_model.model.embed_tokens.weight"] },
        { "phi3", "model.layers", ["model.embed_tokens.weight"], ["model.norm.weight", "lm_head.weight"],
            ["model.embed_tokens.weight", "lm_head.weight"] },
        { "gpt_neox", "gpt_neox.layers", ["gpt_neox.embed_in.weight"],
            ["gpt_neox.final_layer_norm.weight", "gpt_neox.final_layer_norm.bias", "embed_out.weight"],
            ["gpt_neox.embed_in.weight", "embed_out.weight"] },
        { "gpt2", "h", ["wte.weight", "wpe.weight"], ["ln_f.weight", "ln_f.bias"], ["wte.weight"] },
        { "bert", "bert.encoder.layer", ["bert.embeddings.word_embeddings.weight", "bert.embeddings.position_embeddings.weight",
            "bert.embeddings.token_type_embeddings.weight",
            "bert.embeddings.LayerNorm.weight", "bert.embeddings.LayerNorm.bias"],
            ["bert.pooler.dense.weight", "bert.pooler.dense.bias",
                "cls.predictions.bias", "cls.predictions.transform.dense.weight", "cls.predictions.transform.dense.bias",
                "cls.predictions.transform.LayerNorm.weight", "cls.predictions.transform.LayerNorm.bias",
                "cls.predictions.decoder.weight"],
            ["bert.embeddings.word_embeddings.weight", "cls.predictions.bias", "cls.predictions.decoder.weight"] },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Layers_embeddings_and_head_are_known_by_the_names_and_shapes_of_the_tensors(
        string type, string stack, string[] before, string[] after, string[] vocabulary)
    {
        using var model = Checkpoint.Open(Architectures.Write(_folder[type], type));
        Assert.Equal(Architectures.Layers, new Architecture(model.Tensors.Select(tensor => tensor.Name)).Stacks[stack]);
        string[] outside = [.. model.Tensors.Select(tensor => tensor.Name).Where(name => Architecture.Place(name).Stack is null)];
        Assert.Equal(before.Order(StringComparer.Ordinal), outside.Where(Architecture.IsEmbedding));
        Assert.Equal(after.Order(StringComparer.Ordinal), outside.Where(name => !Architecture.IsEmbedding(name)));
        Assert.Equal(vocabulary.Order(StringComparer.Ordinal), VocabularyTensors.Of(model).Select(tensor => tensor.Name));
        Assert.Equal(type, (string?)model.Config["model_type"]);
    }

    [Fact]
    public void Several_stacks_of_one_model_are_told_apart()
    {
        using var model = Checkpoint.Open(Architectures.Write(_folder["gemma3"], "gemma3"));
        Assert.Equal(new Dictionary<string, int>
        {
            ["language_model.model.layers"] = Architectures.Layers,
            ["vision_tower.vision_model.encoder.layers"] = 2,
        },
            new Architecture(model.Tensors.Select(tensor => tensor.Name)).Stacks);
    }

    [Theory]
    [InlineData("model.layers.3.mlp.experts.7.w1.weight", "model.layers", 3, ".mlp.experts.7.w1.weight")]
    [InlineData("0.auto_model.encoder.layer.5.output.dense.bias", "0.auto_model.encoder.layer", 5, ".output.dense.bias")]
    [InlineData("h.11.attn.c_attn.weight", "h", 11, ".attn.c_attn.weight")]
    [InlineData("model.norm.weight", null, 0, "model.norm.weight")]
    [InlineData("t5", null, 0, "t5")]
    public void A_layer_is_the_first_number_that_does_not_begin_the_name(string tensor, string? stack, int layer, string rest) =>
        Assert.Equal(new TensorPlace(stack, layer, rest), Architecture.Place(tensor));
}
