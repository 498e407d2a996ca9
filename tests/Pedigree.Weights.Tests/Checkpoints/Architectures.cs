using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Tests.Checkpoints;

/// <summary>Models with the tensor names and the configs of published ones, a few numbers wide.</summary>
internal static class Architectures
{
    public const int Layers = 3;

    private const int Hidden = 8, Inner = 12, Vocabulary = 10, KeyValue = 4;

    /// <summary>Writes one; the weights follow from the seed.</summary>
    public static string Write(string folder, string type, int seed = 1, int layers = Layers, int vocabulary = Vocabulary)
    {
        Model.Write(folder, [.. Tensors(type, layers, vocabulary).Select((tensor, i) =>
            Model.Random(tensor.Name, DType.F32, tensor.Shape, (seed * 1000) + i))]);
        File.WriteAllText(Path.Combine(folder, "config.json"), Config(type, layers, vocabulary).ToJsonString());
        return folder;
    }

    private static JsonObject Config(string type, int layers, int vocabulary)
    {
        JsonObject config = type switch
        {
            "gpt2" => new() { ["n_layer"] = layers, ["n_embd"] = Hidden, ["n_head"] = 2 },
            "gemma3" => new()
            {
                ["text_config"] = new JsonObject
                {
                    ["num_hidden_layers"] = layers,
                    ["hidden_size"] = Hidden,
                    ["vocab_size"] = vocabulary,
                    ["layer_types"] = Types(layers),
                },
                ["vision_config"] = new JsonObject { ["num_hidden_layers"] = 2, ["hidden_size"] = Hidden },
            },
            _ => new() { ["num_hidden_layers"] = layers, ["hidden_size"] = Hidden, ["num_attention_heads"] = 2 },
        };
        config["model_type"] = type;
        if (type != "gemma3")
            config["vocab_size"] = vocabulary;
        if (type is "qwen2" or "gemma2" or "gpt2")
            config["tie_word_embeddings"] = true;
        if (type is "qwen2")
            (config["max_window_layers"], config["layer_types"]) = (layers, Types(layers));
        return config;
    }

    private static JsonArray Types(int layers) =>
        new([.. Enumerable.Range(0, layers)
            .Select(layer => JsonValue.Create(layer % 2 == 0 ? "sliding_attention" : "full_attention"))]);

    private static IEnumerable<(string Name, long[] Shape)> Tensors(string type, int layers, int vocabulary) => type switch
    {
        "llama" or "mistral" => Decoder("", layers, vocabulary, Attention, Gated, Norms, head: true),
        "qwen2" => Decoder("", layers, vocabulary, [.. Attention, ("self_attn.q_proj.bias", [Hidden]),
            ("self_attn.k_proj.bias", [KeyValue]), ("self_attn.v_proj.bias", [KeyValue])], Gated, Norms, head: false),
        "qwen3" => Decoder("", layers, vocabulary,
            [.. Attention, ("self_attn.q_norm.weight", [4]), ("self_attn.k_norm.weight", [4])], Gated, Norms, head: true),
        "gemma2" => Decoder("", layers, vocabulary, Attention, Gated, FourNorms, head: false),
        "gemma3" =>
        [
            .. Decoder("language_model.", layers, vocabulary, [
                .. Attention, ("self_attn.q_norm.weight", [4]), ("self_attn.k_norm.weight", [4])], Gated, FourNorms, head: false),
            ("multi_modal_projector.mm_input_projection_weight", [Hidden, Hidden]),
            ("vision_tower.vision_model.embeddings.patch_embedding.weight", [Hidden, 3, 2, 2]),
            ("vision_tower.vision_model.embeddings.position_embedding.weight", [9, Hidden]),
            ("vision_tower.vision_model.post_layernorm.weight", [Hidden]),
            .. Stack("vision_tower.vision_model.encoder.layers", 2, [("self_attn.q_proj.weight", [Hidden, Hidden]),
                ("mlp.fc1.weight", [Inner, Hidden]), ("layer_norm1.weight", [Hidden])]),
        ],
        "phi3" => Decoder("", layers, vocabulary,
            [("self_attn.qkv_proj.weight", [Hidden + (2 * KeyValue), Hidden]), ("self_attn.o_proj.weight", [Hidden, Hidden])],
            [("mlp.gate_up_proj.weight", [2 * Inner, Hidden]), ("mlp.down_proj.weight", [Hidden, Inner])], Norms, head: true),
        "mixtral" => Decoder("", layers, vocabulary, Attention,
            [("block_sparse_moe.gate.weight", [2, Hidden]), .. Enumerable.Range(0, 2).SelectMany(expert => new (string, long[])[]
            {
                ($"block_sparse_moe.experts.{expert}.w1.weight", [Inner, Hidden]),
                ($"block_sparse_moe.experts.{expert}.w2.weight", [Hidden, Inner]),
                ($"block_sparse_moe.experts.{expert}.w3.weight", [Inner, Hidden]),
            })], Norms, head: true),
        "gpt_neox" =>
        [
            ("gpt_neox.embed_in.weight", [vocabulary, Hidden]),
            .. Stack("gpt_neox.layers", layers,
            [
                ("input_layernorm.weight", [Hidden]), ("input_layernorm.bias", [Hidden]),
                ("post_attention_layernorm.weight", [Hidden]),
                ("attention.query_key_value.weight", [3 * Hidden, Hidden]), ("attention.query_key_value.bias", [3 * Hidden]),
                ("attention.dense.weight", [Hidden, Hidden]),
                ("mlp.dense_h_to_4h.weight", [Inner, Hidden]), ("mlp.dense_4h_to_h.weight", [Hidden, Inner]),
            ]),
            ("gpt_neox.final_layer_norm.weight", [Hidden]), ("gpt_neox.final_layer_norm.bias", [Hidden]),
            ("embed_out.weight", [vocabulary, Hidden]),
        ],
        "gpt2" =>
        [
            ("wte.weight", [vocabulary, Hidden]), ("wpe.weight", [16, Hidden]),
            .. Stack("h", layers,
            [
                ("ln_1.weight", [Hidden]), ("ln_1.bias", [Hidden]), ("attn.c_attn.weight", [Hidden, 3 * Hidden]),
                ("attn.c_attn.bias", [3 * Hidden]),
                ("attn.c_proj.weight", [Hidden, Hidden]), ("mlp.c_fc.weight", [Hidden, Inner]),
                ("mlp.c_proj.weight", [Inner, Hidden]),
            ]),
            ("ln_f.weight", [Hidden]), ("ln_f.bias", [Hidden]),
        ],
        "bert" =>
        [
            ("bert.embeddings.word_embeddings.weight", [vocabulary, Hidden]),
            ("bert.embeddings.position_embeddings.weight", [vocabulary, Hidden]),
            ("bert.embeddings.token_type_embeddings.weight", [2, Hidden]), ("bert.embeddings.LayerNorm.weight", [Hidden]),
            ("bert.embeddings.LayerNorm.bias", [Hidden]),
            .. Stack("bert.encoder.layer", layers,
            [
                ("attention.self.query.weight", [Hidden, Hidden]), ("attention.self.query.bias", [Hidden]),
                ("attention.output.dense.weight", [Hidden, Hidden]),
                ("attention.output.LayerNorm.weight", [Hidden]), ("intermediate.dense.weight", [Inner, Hidden]),
                ("output.dense.weight", [Hidden, Inner]),
            ]),
            ("bert.pooler.dense.weight", [Hidden, Hidden]), ("bert.pooler.dense.bias", [Hidden]),
            ("cls.predictions.bias", [vocabulary]),
            ("cls.predictions.transform.dense.weight", [Hidden, Hidden]), ("cls.predictions.transform.dense.bias", [Hidden]),
            ("cls.predictions.transform.LayerNorm.weight", [Hidden]), ("cls.predictions.transform.LayerNorm.bias", [Hidden]),
            ("cls.predictions.decoder.weight", [vocabulary, Hidden]),
        ],
        _ => throw new ArgumentOutOfRangeException(nameof(type)),
    };

    private static readonly (string, long[])[] Attention =
    [
        ("self_attn.q_proj.weight", [Hidden, Hidden]), ("self_attn.k_proj.weight", [KeyValue, Hidden]),
        ("self_attn.v_proj.weight", [KeyValue, Hidden]),
        ("self_attn.o_proj.weight", [Hidden, Hidden]),
    ];

    private static readonly (string, long[])[] Gated =
        [("mlp.gate_proj.weight", [Inner, Hidden]), ("mlp.up_proj.weight", [Inner, Hidden]),
            ("mlp.down_proj.weight", [Hidden, Inner])];

    private static readonly (string, long[])[] Norms =
        [("input_layernorm.weight", [Hidden]), ("post_attention_layernorm.weight", [Hidden])];

    private static readonly (string, long[])[] FourNorms =
        [.. Norms, ("pre_feedforward_layernorm.weight", [Hidden]), ("post_feedforward_layernorm.weight", [Hidden])];

    private static IEnumerable<(string, long[])> Decoder(
        string prefix,
        int layers,
        int vocabulary,
        (string, long[])[] attention,
        (string, long[])[] mlp,
        (string, long[])[] norms,
        bool head)
    {
        yield return ($"{prefix}model.embed_tokens.weight", [vocabulary, Hidden]);
        foreach (var tensor in Stack($"{prefix}model.layers", layers, [.. attention, .. mlp, .. norms]))
            yield return tensor;
        yield return ($"{prefix}model.norm.weight", [Hidden]);
        if (head)
            yield return ($"{prefix}lm_head.weight", [vocabulary, Hidden]);
    }

    private static IEnumerable<(string, long[])> Stack(string prefix, int layers, (string Name, long[] Shape)[] tensors) =>
        Enumerable.Range(0, layers)
            .SelectMany(layer => tensors.Select(tensor => ($"{prefix}.{layer}.{tensor.Name}", tensor.Shape)));
}
