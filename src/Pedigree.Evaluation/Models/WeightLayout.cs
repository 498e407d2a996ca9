using System.Text.RegularExpressions;
using Pedigree.Weights.Checkpoints;
using Tensor = TorchSharp.torch.Tensor;

namespace Pedigree.Evaluation.Models;

/// <summary>A tensor of a checkpoint, and the weights of <see cref="Transformer"/> that it holds, one after the other.</summary>
/// <param name="Name">The checkpoint's name for it.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Weights">Llama's names for the weights in it.</param>
/// <param name="Part">The weight of that number and shape in it, as a view.</param>
internal sealed record StoredTensor(
    string Name, long[] Shape, IReadOnlyList<string> Weights, Func<Tensor, int, long[], Tensor> Part);

/// <summary>
/// Where the families keep the weights. Most use Llama's names; Phi-3 keeps several projections in one tensor, and
/// GPT-NeoX too, head by head.
/// </summary>
internal static partial class WeightLayout
{
    private static readonly (string Ours, string Theirs)[] NeoX =
    [
        ("model.embed_tokens", "gpt_neox.embed_in"), ("model.layers", "gpt_neox.layers"),
        ("model.norm", "gpt_neox.final_layer_norm"), ("lm_head", "embed_out"),
        ("self_attn.q_proj", "attention.query_key_value"), ("self_attn.k_proj", "attention.query_key_value"),
        ("self_attn.v_proj", "attention.query_key_value"),
        ("self_attn.o_proj", "attention.dense"), ("mlp.up_proj", "mlp.dense_h_to_4h"), ("mlp.down_proj", "mlp.dense_4h_to_h"),
    ];

    /// <summary>Within a tensor of several: query, key, value; gate, up.</summary>
    private static readonly string[] Order = ["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"];

    public static IReadOnlyList<StoredTensor> Of(TransformerConfig config)
    {
        var shapes = Transformer.Shapes(config);
        return [.. shapes.Keys.GroupBy(name => config.WeightPrefix + Stored(config.Family, name)).Select(group =>
        {
            List<string> weights =
                [.. group.OrderBy(name => Array.FindIndex(Order, part => name.Contains(part, StringComparison.Ordinal)))];
            var first = shapes[weights[0]];
            return weights.Count == 1 ? new StoredTensor(group.Key, first, weights, (tensor, _, _) => tensor)
                : new StoredTensor(group.Key, [weights.Sum(name => shapes[name][0]), .. first[1..]], weights,
                    config.Family == "gpt_neox"
                        ? (tensor, part, shape) => tensor.view([config.Heads, 3, config.HeadWidth, .. shape[1..]]).select(1, part)
                        : (tensor, part, shape) => tensor.narrow(0, weights.Take(part).Sum(name => shapes[name][0]), shape[0]));
        })];
    }

    /// <summary>
    /// What checkpoints hold beside the weights of the decoder: old ones rotary frequencies and masks, multimodal ones what sees.
    /// Tied ones may repeat the head.
    /// </summary>
    public static bool IsLeftOut(string name, TransformerConfig config) =>
        name == config.WeightPrefix + "lm_head.weight" || LeftOut().IsMatch(name)
        || config.WeightPrefix.Length > 0 && !name.StartsWith(config.WeightPrefix, StringComparison.Ordinal);

    /// <summary>The rows of embeddings, whatever the family; null where the checkpoint has none.</summary>
    public static int? EmbeddingRows(Checkpoint checkpoint) =>
        (checkpoint.Find("model.embed_tokens.weight")
            ?? checkpoint.Find("gpt_neox.embed_in.weight")
            ?? checkpoint.Find("language_model.model.embed_tokens.weight")) is { } embeddings ? (int)embeddings.Shape[0] : null;

    private static string Stored(string family, string name) => family switch
    {
        "phi3" => GateAndUp().Replace(QueryKeyValue().Replace(name, "qkv_proj"), "gate_up_proj"),
        "gpt_neox" => NeoX.Aggregate(name, (stored, pair) => stored.Replace(pair.Ours, pair.Theirs, StringComparison.Ordinal)),
        _ => name,
    };

    [GeneratedRegex(@"\b[qkv]_proj\b")]
    private static partial Regex QueryKeyValue();

    [GeneratedRegex(@"\b(gate|up)_proj\b")]
    private static partial Regex GateAndUp();

    [GeneratedRegex(@"\.rotary_emb\.inv_freq$|\.attention\.(masked_)?bias$")]
    private static partial Regex LeftOut();
}
