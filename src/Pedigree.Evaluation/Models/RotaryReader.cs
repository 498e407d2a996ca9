namespace Pedigree.Evaluation.Models;

/// <summary>
/// Reads how positions are embedded: rope_theta and rope_scaling, or rope_parameters, which newer files have in their place.
/// </summary>
internal static class RotaryReader
{
    /// <summary>Of layers that attend to all tokens and of those with a window; the same unless the family has two.</summary>
    public static (RotaryEmbedding Full, RotaryEmbedding Sliding) Read(ConfigFields config, int headWidth, int context)
    {
        var newer = config.Inner("rope_parameters");
        var scaling = config.Inner("rope_scaling") ?? newer?.Inner("full_attention") ?? newer;
        var share = config.Number("partial_rotary_factor")
            ?? scaling?.Number("partial_rotary_factor")
            ?? config.Number("rotary_pct")
                ?? (config.Text("model_type") == "gpt_neox" ? 0.25 : 1);
        var width = (int)(headWidth * share);
        if (width < 2 || width > headWidth || width % 2 != 0)
            throw config.Bad("partial_rotary_factor",
                $"turns {width} of {headWidth} numbers of a head; an even number of them would be right");
        var full = Read(config, scaling, width, context);
        var local = config.Positive("rope_local_base_freq") ?? newer?.Inner("sliding_attention")?.Positive("rope_theta")
            ?? (config.Text("model_type") == "gemma3_text" ? 10000 : null);
        return (full, local is { } theta ? new RotaryEmbedding(RotaryEmbedding.Plain(theta, width)) : full);
    }

    private static RotaryEmbedding Read(ConfigFields config, ConfigFields? scaling, int width, int context)
    {
        var theta = config.Positive("rope_theta") ?? scaling?.Positive("rope_theta") ?? config.Positive("rotary_emb_base")
            ?? (config.Text("model_type") == "gemma3_text" ? 1_000_000 : 10000);
        var type = scaling?.Text("rope_type") ?? scaling?.Text("type") ?? "default";
        if (type == "default")
            return new RotaryEmbedding(RotaryEmbedding.Plain(theta, width));
        var trained = scaling!.Count("original_max_position_embeddings")
            ?? config.Count("original_max_position_embeddings") ?? context;
        if (type is "longrope" or "su")
        {
            var ratio = (double)context / trained;
            return RotaryEmbedding.LongRope(theta, width, trained, scaling.RequiredNumbers("short_factor", width / 2),
                scaling.RequiredNumbers("long_factor", width / 2),
                scaling.Number("attention_factor") ?? (ratio > 1 ? Math.Sqrt(1 + Math.Log(ratio) / Math.Log(trained)) : 1));
        }
        var factor = scaling.RequiredNumber("factor");
        if (!(factor >= 1))
            throw scaling.Bad("factor", "must be at least 1");
        return type switch
        {
            "linear" => RotaryEmbedding.Linear(theta, width, factor),
            "dynamic" => RotaryEmbedding.Dynamic(theta, width, trained, factor),
            "llama3" => RotaryEmbedding.Llama3(theta, width, trained, factor, scaling.RequiredNumber("low_freq_factor"),
                scaling.RequiredNumber("high_freq_factor")),
            "yarn" => RotaryEmbedding.Yarn(
                theta, width, trained, factor, scaling.Number("beta_fast") ?? 32, scaling.Number("beta_slow") ?? 1,
                scaling.Flag("truncate") ?? true, scaling.Number("attention_factor") ?? 0.1 * Math.Log(factor) + 1),
            _ => throw scaling.Bad("rope_type",
                $"is '{type}'; only default, linear, dynamic, llama3, yarn and longrope can be computed"),
        };
    }
}
