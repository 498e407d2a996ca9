using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Pedigree.Evaluation.Models;

/// <summary>
/// The decoder of Llama, Mistral and Qwen2, read from top to bottom. Weights bear the names and shapes of a Hugging Face
/// checkpoint. In the shapes: d numbers a head, width = the residual stream, keys = tokens of the cache and of this call.
/// </summary>
/// <param name="config">The shape of the model.</param>
/// <param name="weights">All of <see cref="Shapes"/>, on one device and of one floating-point type. Not owned.</param>
internal sealed class Transformer(TransformerConfig config, IReadOnlyDictionary<string, Tensor> weights)
{
    private readonly Tensor embedding = weights["model.embed_tokens.weight"];

    /// <summary>
    /// The last layer's output after each token. Rows are padded on the left: of row r the first paddings[r] tokens (counted from the
    /// cache's first) are no tokens. Padding on the right needs no word: nothing before it sees it.
    /// </summary>
    /// <param name="tokens">[batch, tokens], int64.</param>
    /// <param name="paddings">One number a row.</param>
    /// <param name="cache">Keys and values of the tokens before these, to which these are added; null to keep none.</param>
    /// <returns>[batch, tokens, width].</returns>
    public Tensor Forward(Tensor tokens, IReadOnlyList<int> paddings, KeyValueCache? cache)
    {
        using var scope = NewDisposeScope();
        var past = cache?.Length ?? 0;
        var (cosine, sine) = Angles(past, tokens.shape[1], paddings);
        var masks = config.Windows.Distinct().Select(window => (window, Mask(past, tokens.shape[1], paddings, window))).ToList();

        var hidden = embedding.index_select(0, tokens.flatten())
            .view(tokens.shape[0], tokens.shape[1], config.Width);                    // [batch, tokens, width]
        for (var layer = 0; layer < config.Layers; layer++)
        {
            var name = $"model.layers.{layer}.";
            var mask = masks.First(pair => pair.window == config.Windows[layer]).Item2;
            hidden = hidden + Attention(name + "self_attn.", Norm(hidden, name + "input_layernorm"), cosine, sine, mask,
                cache?.Layer(layer));                                                 // [batch, tokens, width]
            hidden = hidden + FeedForward(name + "mlp.", Norm(hidden, name + "post_attention_layernorm"));
        }
        cache?.Advance(tokens.shape[1]);
        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>Logits of the next token, in float32: of what <see cref="Forward"/> gave, [n, width] → [n, vocabulary].</summary>
    public Tensor Logits(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var head = config.TiedHead ? embedding : weights["lm_head.weight"];           // [vocabulary, width]
        return linear(Norm(hidden, "model.norm"), head).to(float32).MoveToOuterDisposeScope();
    }

    /// <summary>Grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245): several query heads share a key and value head.</summary>
    private Tensor Attention(string name, Tensor input, Tensor cosine, Tensor sine, Tensor mask, LayerCache? cache)
    {
        long batch = input.shape[0], tokens = input.shape[1];
        var query = Heads(Project(input, name + "q_proj", config.QueryKeyValueBias), config.Heads);         // [batch, heads, tokens, d]
        var key = Heads(Project(input, name + "k_proj", config.QueryKeyValueBias), config.KeyValueHeads);   // [batch, groups, tokens, d]
        var value = Heads(Project(input, name + "v_proj", config.QueryKeyValueBias), config.KeyValueHeads); // [batch, groups, tokens, d]
        query = Rotate(query, cosine, sine);
        key = Rotate(key, cosine, sine);
        if (cache is not null)
            (key, value) = cache.Append(key, value);                                  // [batch, groups, keys, d]

        var attended = scaled_dot_product_attention(query, Repeat(key), Repeat(value), mask);               // [batch, heads, tokens, d]
        var joined = attended.transpose(1, 2).reshape(batch, tokens, config.Heads * config.HeadWidth);      // [batch, tokens, heads·d]
        return Project(joined, name + "o_proj", config.OutputBias);                   // [batch, tokens, width]

        Tensor Heads(Tensor projected, int heads) =>                                  // [batch, tokens, heads·d] → [batch, heads, tokens, d]
            projected.view(batch, tokens, heads, config.HeadWidth).transpose(1, 2);

        Tensor Repeat(Tensor shared)                                                  // [batch, groups, keys, d] → [batch, heads, keys, d]
        {
            var sharing = config.Heads / config.KeyValueHeads;
            return sharing == 1 ? shared : shared.unsqueeze(2)
                .expand(batch, config.KeyValueHeads, sharing, shared.shape[2], config.HeadWidth)
                .reshape(batch, config.Heads, shared.shape[2], config.HeadWidth);
        }
    }

    /// <summary>SwiGLU (Shazeer 2020, arXiv 2002.05202).</summary>
    private Tensor FeedForward(string name, Tensor input)
    {
        var gate = silu(Project(input, name + "gate_proj", config.FeedForwardBias));  // [batch, tokens, inner]
        var up = Project(input, name + "up_proj", config.FeedForwardBias);            // [batch, tokens, inner]
        return Project(gate * up, name + "down_proj", config.FeedForwardBias);        // [batch, tokens, width]
    }

    /// <summary>Root mean square normalisation (Zhang and Sennrich 2019, arXiv 1910.07467), the mean taken in float32.</summary>
    private Tensor Norm(Tensor input, string name)
    {
        var wide = input.to(float32);                                                 // [batch, tokens, width]
        var scale = rsqrt(wide.square().mean([-1], keepdim: true) + config.NormEpsilon); // [batch, tokens, 1]
        return (wide * scale).to(input.dtype) * weights[name + ".weight"];
    }

    private Tensor Project(Tensor input, string name, bool bias) =>                   // [batch, tokens, in] → [batch, tokens, out]
        linear(input, weights[name + ".weight"], bias ? weights[name + ".bias"] : null);

    /// <summary>Turns number i of each head against number i + d/2: Hugging Face's order of pairs.</summary>
    private static Tensor Rotate(Tensor heads, Tensor cosine, Tensor sine)            // [batch, heads, tokens, d]
    {
        var half = heads.shape[3] / 2;
        var turned = cat([heads.narrow(3, half, half).neg(), heads.narrow(3, 0, half)], 3);
        return heads * cosine + turned * sine;
    }

    /// <summary>Cosine and sine of every position's angles: [batch, 1, tokens, d] each, in the weights' type.</summary>
    private (Tensor Cosine, Tensor Sine) Angles(long past, long tokens, IReadOnlyList<int> paddings)
    {
        var lengths = config.Rotary.DependsOnLength ? paddings.Select(padding => past + tokens - padding) : [past + tokens];
        var frequencies = stack(lengths.Select(length =>
            tensor(config.Rotary.FrequenciesAt(length), device: embedding.device)));  // [batch or 1, d/2]
        var positions = (arange(past, past + tokens, float64, embedding.device).unsqueeze(0)
            - tensor(paddings.ToArray(), device: embedding.device).unsqueeze(1)).clamp(0);                  // [batch, tokens]
        var angles = positions.unsqueeze(2) * frequencies.unsqueeze(1);               // [batch, tokens, d/2]
        angles = cat([angles, angles], 2).unsqueeze(1);                               // [batch, 1, tokens, d]
        var amplitude = config.Rotary.Amplitude;
        return ((angles.cos() * amplitude).to(embedding.dtype), (angles.sin() * amplitude).to(embedding.dtype));
    }

    /// <summary>
    /// 0 where a token attends and −∞ where not: [batch, 1, tokens, keys]. A token attends to itself (padding too, lest a row of
    /// −∞ make NaN) and to what is before it, no padding, and inside the window.
    /// </summary>
    private Tensor Mask(long past, long tokens, IReadOnlyList<int> paddings, int? window)
    {
        var device = embedding.device;
        var distance = arange(past, past + tokens, int64, device).unsqueeze(1)
            - arange(past + tokens, int64, device).unsqueeze(0);                      // [tokens, keys]
        var real = arange(past + tokens, int64, device).unsqueeze(0)
            >= tensor(paddings.ToArray(), device: device).unsqueeze(1);               // [batch, keys]
        var allowed = distance.gt(0).logical_and(distance < (window ?? long.MaxValue)).unsqueeze(0)
            .logical_and(real.unsqueeze(1)).logical_or(distance.eq(0)).unsqueeze(1);  // [batch, 1, tokens, keys]
        return zeros(allowed.shape, embedding.dtype, device).masked_fill(allowed.logical_not(), double.NegativeInfinity);
    }

    /// <summary>Every weight of such a model: Hugging Face's name, and [out, in] (or [width] of a norm or bias).</summary>
    public static IReadOnlyDictionary<string, long[]> Shapes(TransformerConfig config)
    {
        var shapes = new SortedDictionary<string, long[]>(StringComparer.Ordinal);
        shapes["model.embed_tokens.weight"] = [config.VocabularySize, config.Width];
        long queries = config.Heads * config.HeadWidth, keys = config.KeyValueHeads * config.HeadWidth;
        for (var layer = 0; layer < config.Layers; layer++)
        {
            var name = $"model.layers.{layer}.";
            shapes[name + "input_layernorm.weight"] = [config.Width];
            AddProjection(name + "self_attn.q_proj", queries, config.Width, config.QueryKeyValueBias);
            AddProjection(name + "self_attn.k_proj", keys, config.Width, config.QueryKeyValueBias);
            AddProjection(name + "self_attn.v_proj", keys, config.Width, config.QueryKeyValueBias);
            AddProjection(name + "self_attn.o_proj", config.Width, queries, config.OutputBias);
            shapes[name + "post_attention_layernorm.weight"] = [config.Width];
            AddProjection(name + "mlp.gate_proj", config.FeedForwardWidth, config.Width, config.FeedForwardBias);
            AddProjection(name + "mlp.up_proj", config.FeedForwardWidth, config.Width, config.FeedForwardBias);
            AddProjection(name + "mlp.down_proj", config.Width, config.FeedForwardWidth, config.FeedForwardBias);
        }
        shapes["model.norm.weight"] = [config.Width];
        if (!config.TiedHead)
            shapes["lm_head.weight"] = [config.VocabularySize, config.Width];
        return shapes;

        void AddProjection(string name, long rows, long columns, bool bias)
        {
            shapes[name + ".weight"] = [rows, columns];
            if (bias)
                shapes[name + ".bias"] = [rows];
        }
    }
}
