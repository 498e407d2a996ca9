using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Pedigree.Evaluation.Models;

/// <summary>
/// A decoder, read from top to bottom; <see cref="TransformerConfig"/> holds the options by which families differ. In the shapes:
/// d numbers a head, width = the residual stream, keys = tokens of the cache and of this call.
/// </summary>
/// <param name="config">The shape of the model.</param>
/// <param name="weights">All of <see cref="Shapes"/>, on one device and of one floating-point type. Not owned.</param>
internal sealed class Transformer(TransformerConfig config, IReadOnlyDictionary<string, Tensor> weights)
{
    // A scalar that is a call's only argument may be collected while the call still reads it.

    private readonly Tensor _embedding = weights["model.embed_tokens.weight"];

    /// <summary>The last layer's output after each token.</summary>
    /// <param name="grid">[batch, tokens].</param>
    /// <param name="cache">Keys and values of the tokens before these, to which these are added; null to keep none.</param>
    /// <returns>[batch, tokens, width].</returns>
    public Tensor Forward(TokenGrid grid, KeyValueCache? cache)
    {
        using var scope = NewDisposeScope();
        var queries = grid.PlacesOn(_embedding.device);
        var keys = cache is null ? queries : cache.Append(queries);
        var isFirst = grid.IsPlain && cache is not { Length: > 0 };
        var reaches = config.Layers.Distinct().ToDictionary(kind => kind, kind => Of(kind));

        // [batch, tokens, width]
        var hidden = _embedding.index_select(0, grid.Ids(_embedding.device)).view(grid.Rows, grid.Width, config.Width);
        if (config.EmbeddingScale is { } scale)
            hidden = hidden * tensor(scale, _embedding.dtype, _embedding.device);
        foreach (var (layer, kind) in config.Layers.Index())
        {
            var name = $"model.layers.{layer}.";
            var attended = Attention(
                name + "self_attn.", Norm(hidden, name + "input_layernorm"), reaches[kind], cache?.Layer(layer));
            if (config.NormsAfter)
                attended = Norm(attended, name + "post_attention_layernorm");
            var between = hidden.Plus(attended);                                          // [batch, tokens, width]
            var fed = FeedForward(name + "mlp.", Norm(config.Parallel ? hidden : between, name
                + (config.NormsAfter ? "pre_feedforward_layernorm" : "post_attention_layernorm")));
            if (config.NormsAfter)
                fed = Norm(fed, name + "post_feedforward_layernorm");
            hidden = between.Plus(fed);
        }
        cache?.Advance(grid.Width);
        return hidden.MoveToOuterDisposeScope();

        Reach Of(LayerKind kind)
        {
            // What comes first in a text and within the window needs no mask but that of order.
            var causal = isFirst && config.AttentionCap is null && !(grid.Width > kind.Window);
            var (cosine, sine) = Angles(queries.Positions, grid.Lengths, kind.Rotary);
            return new Reach(cosine, sine, causal ? null : Mask(queries, keys, kind.Window));
        }
    }

    /// <summary>Logits of the next token, in float32: of what <see cref="Forward"/> gave, [n, width] → [n, vocabulary].</summary>
    public Tensor Logits(Tensor hidden)
    {
        using var scope = NewDisposeScope();
        var head = config.TiedHead ? _embedding : weights["lm_head.weight"];           // [vocabulary, width]
        var logits = linear(Norm(hidden, "model.norm"), head).to(float32);
        return (config.LogitCap is { } cap ? logits.DividedBy(cap).tanh().Times(cap) : logits).MoveToOuterDisposeScope();
    }

    /// <summary>What tokens attend to, and how their positions turn them.</summary>
    /// <param name="Cosine">[batch, 1, tokens, n], n numbers of a head being turned.</param>
    /// <param name="Sine">The same.</param>
    /// <param name="Mask">[batch, 1, tokens, keys]; null for all before and itself.</param>
    private sealed record Reach(Tensor Cosine, Tensor Sine, Tensor? Mask);

    /// <summary>
    /// Grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245): several query heads share a key and value head.
    /// </summary>
    private Tensor Attention(string name, Tensor input, Reach reach, LayerCache? cache)
    {
        long batch = input.shape[0], tokens = input.shape[1];
        // [batch, heads, tokens, d]
        var query = Heads(Project(input, name + "q_proj", config.QueryKeyValueBias), config.Heads);
        // [batch, groups, tokens, d]
        var key = Heads(Project(input, name + "k_proj", config.QueryKeyValueBias), config.KeyValueHeads);
        // [batch, groups, tokens, d]
        var value = Heads(Project(input, name + "v_proj", config.QueryKeyValueBias), config.KeyValueHeads);
        if (config.QueryKeyNorm)
            (query, key) = (Norm(query, name + "q_norm"), Norm(key, name + "k_norm"));
        query = Rotate(query, reach);
        key = Rotate(key, reach);
        if (config.AttentionScalar != config.HeadWidth)
            query = query.Times(Math.Sqrt(config.HeadWidth / config.AttentionScalar));
        if (cache is not null)
            (key, value) = cache.Append(key, value);                                  // [batch, groups, keys, d]

        // The query heads that share a key stand for as many tokens; of many tokens the keys are repeated instead.
        var sharing = config.Heads / config.KeyValueHeads;
        if (tokens == 1)
            // [batch, groups, sharing, d]
            query = query.view(batch, config.KeyValueHeads, sharing, config.HeadWidth);
        else
            (key, value) = (Repeat(key), Repeat(value));
        var attended = config.AttentionCap is { } cap ? Capped(query, key, value, reach.Mask!, cap)
            : scaled_dot_product_attention(query, key, value, reach.Mask, is_casual: reach.Mask is null);
        var joined = attended.view(batch, config.Heads, tokens, config.HeadWidth).transpose(1, 2)
            .reshape(batch, tokens, config.Heads * config.HeadWidth);                 // [batch, tokens, heads·d]
        return Project(joined, name + "o_proj", config.OutputBias);                   // [batch, tokens, width]

        // [batch, tokens, heads·d] → [batch, heads, tokens, d]
        Tensor Heads(Tensor projected, int heads) =>
            projected.view(batch, tokens, heads, config.HeadWidth).transpose(1, 2);

        // [batch, groups, keys, d] → [batch, heads, keys, d]
        Tensor Repeat(Tensor shared) => sharing == 1 ? shared
            : shared.unsqueeze(2).expand(batch, config.KeyValueHeads, sharing, shared.shape[2], config.HeadWidth)
                .reshape(batch, config.Heads, shared.shape[2], config.HeadWidth);
    }

    /// <summary>Attention whose scores lie within ± cap.</summary>
    private static Tensor Capped(Tensor query, Tensor key, Tensor value, Tensor mask, double cap)
    {
        var scores = query.matmul(key.transpose(2, 3)).DividedBy(Math.Sqrt(query.shape[3]));   // [batch, heads, tokens, keys]
        return softmax(scores.DividedBy(cap).tanh().Times(cap).Plus(mask), -1, float32).to(value.dtype).matmul(value);
    }

    private Tensor FeedForward(string name, Tensor input)
    {
        var up = Project(input, name + "up_proj", config.FeedForwardBias);            // [batch, tokens, inner]
        var inner = config.Gated ? Activate(Project(input, name + "gate_proj", config.FeedForwardBias)) * up : Activate(up);
        return Project(inner, name + "down_proj", config.FeedForwardBias);            // [batch, tokens, width]
    }

    private Tensor Activate(Tensor input) => config.Activation switch
    {
        Activation.Silu => silu(input),
        Activation.Gelu => gelu(input),
        _ => gelu(input, GELU.Approximate.tanh, false),
    };

    /// <summary>Of the last dimension, in float32.</summary>
    private Tensor Norm(Tensor input, string name)
    {
        var weight = weights[name + ".weight"];
        if (config.Normalization == Normalization.Layer)
            return layer_norm(input, weight.shape, weight, weights[name + ".bias"], config.NormEpsilon);
        var wide = input.to(float32);                                                 // [batch, tokens, width]
        var normed = wide * rsqrt((wide * wide).mean([-1], keepdim: true).Plus(config.NormEpsilon));
        return config.Normalization == Normalization.RootMeanSquare ? normed.to(input.dtype) * weight
            : (normed * weight.to(float32).Plus(1)).to(input.dtype);
    }

    // [batch, tokens, in] → [batch, tokens, out]
    private Tensor Project(Tensor input, string name, bool bias) =>
        linear(input, weights[name + ".weight"], bias ? weights[name + ".bias"] : null);

    /// <summary>Of a head's first n numbers turns number i against number i + n/2: Hugging Face's order of pairs.</summary>
    private static Tensor Rotate(Tensor heads, Reach reach)                           // [batch, heads, tokens, d]
    {
        var (d, n) = (heads.shape[3], reach.Cosine.shape[3]);
        var turning = n == d ? heads : heads.narrow(3, 0, n);
        var across = cat([turning.narrow(3, n / 2, n / 2).neg(), turning.narrow(3, 0, n / 2)], 3);
        var turned = (turning * reach.Cosine).Plus(across * reach.Sine);
        return n == d ? turned : cat([turned, heads.narrow(3, n, d - n)], 3);
    }

    /// <summary>Cosine and sine of every position's angles: [batch, 1, tokens, n] each, in the weights' type.</summary>
    private (Tensor Cosine, Tensor Sine) Angles(Tensor positions, IReadOnlyList<int> lengths, RotaryEmbedding rotary)
    {
        var frequencies = stack((rotary.DependsOnLength ? lengths : [0]).Select(length =>
            tensor(rotary.FrequenciesAt(length), device: _embedding.device)));         // [batch or 1, n/2]
        var real = positions.With(0, positions.Is(TokenGrid.Padding)).to(float64); // [batch, tokens]
        var angles = real.unsqueeze(2) * frequencies.unsqueeze(1);                    // [batch, tokens, n/2]
        angles = cat([angles, angles], 2).unsqueeze(1);                               // [batch, 1, tokens, n]
        return (angles.cos()
            .Times(rotary.Amplitude)
            .to(_embedding.dtype), angles.sin().Times(rotary.Amplitude).to(_embedding.dtype));
    }

    /// <summary>
    /// 0 where a token attends and −∞ where not: [batch, 1, tokens, keys]. A token attends to itself and to what is before it,
    /// inside the window, and on no other branch. Padding attends to padding, lest a row of −∞ make NaN.
    /// </summary>
    private Tensor Mask(Places queries, Places keys, int? window)
    {
        var (position, branch) = (queries.Positions.unsqueeze(2), queries.Branches.unsqueeze(2));           // [batch, tokens, 1]
        var (place, on) = (keys.Positions.unsqueeze(1), keys.Branches.unsqueeze(1));                        // [batch, 1, keys]
        var allowed = (place <= position).logical_and(on.Is(0).logical_or(on.eq(branch)));
        if (window is { } most)
            allowed = allowed.logical_and(position.Minus(place).IsBelow(most));
        return zeros(allowed.shape, _embedding.dtype, _embedding.device).With(double.NegativeInfinity, allowed.logical_not())
            .unsqueeze(1);
    }

    /// <summary>
    /// Every weight of such a model, by Llama's name (<see cref="WeightLayout"/> has the others'): [out, in], or
    /// [width] of a norm or bias.
    /// </summary>
    public static IReadOnlyDictionary<string, long[]> Shapes(TransformerConfig config)
    {
        var shapes = new SortedDictionary<string, long[]>(StringComparer.Ordinal)
        {
            ["model.embed_tokens.weight"] = [config.VocabularySize, config.Width],
        };
        long queries = config.Heads * config.HeadWidth, keys = config.KeyValueHeads * config.HeadWidth;
        for (var layer = 0; layer < config.Layers.Count; layer++)
        {
            var name = $"model.layers.{layer}.";
            AddProjection(name + "self_attn.q_proj", queries, config.Width, config.QueryKeyValueBias);
            AddProjection(name + "self_attn.k_proj", keys, config.Width, config.QueryKeyValueBias);
            AddProjection(name + "self_attn.v_proj", keys, config.Width, config.QueryKeyValueBias);
            AddProjection(name + "self_attn.o_proj", config.Width, queries, config.OutputBias);
            if (config.Gated)
                AddProjection(name + "mlp.gate_proj", config.FeedForwardWidth, config.Width, config.FeedForwardBias);
            AddProjection(name + "mlp.up_proj", config.FeedForwardWidth, config.Width, config.FeedForwardBias);
            AddProjection(name + "mlp.down_proj", config.Width, config.FeedForwardWidth, config.FeedForwardBias);
            AddNorm(name + "input_layernorm", config.Width);
            AddNorm(name + "post_attention_layernorm", config.Width);
            if (config.NormsAfter)
            {
                AddNorm(name + "pre_feedforward_layernorm", config.Width);
                AddNorm(name + "post_feedforward_layernorm", config.Width);
            }
            if (config.QueryKeyNorm)
            {
                AddNorm(name + "self_attn.q_norm", config.HeadWidth);
                AddNorm(name + "self_attn.k_norm", config.HeadWidth);
            }
        }
        AddNorm("model.norm", config.Width);
        if (!config.TiedHead)
            shapes["lm_head.weight"] = [config.VocabularySize, config.Width];
        return shapes;

        void AddProjection(string name, long rows, long columns, bool bias)
        {
            shapes[name + ".weight"] = [rows, columns];
            if (bias)
                shapes[name + ".bias"] = [rows];
        }

        void AddNorm(string name, long width)
        {
            shapes[name + ".weight"] = [width];
            if (config.Normalization == Normalization.Layer)
                shapes[name + ".bias"] = [width];
        }
    }
}
