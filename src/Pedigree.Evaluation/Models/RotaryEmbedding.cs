namespace Pedigree.Evaluation.Models;

/// <summary>
/// Rotary position embeddings (Su et al. 2021, arXiv 2104.09864): position p turns the i-th pair of a head's d numbers by the
/// angle p·fᵢ, fᵢ = θ^(−2i/d), with the scalings by which contexts were lengthened.
/// </summary>
internal sealed class RotaryEmbedding
{
    private readonly double[] frequencies;
    private readonly double theta;
    private readonly double factor = 1;
    private readonly int trainedContext;

    private RotaryEmbedding(ConfigFields config, ConfigFields? scaling, int headWidth, int context)
    {
        theta = config.Number("rope_theta") ?? scaling?.Number("rope_theta") ?? 10000;
        trainedContext = context;
        frequencies = Frequencies(theta, headWidth);
        var type = scaling?.Text("rope_type") ?? scaling?.Text("type") ?? "default";
        if (type == "default")
            return;
        factor = scaling!.RequiredNumber("factor");
        if (!(factor >= 1))
            throw scaling.Bad("factor", "must be at least 1");
        trainedContext = scaling.Count("original_max_position_embeddings") ?? context;
        switch (type)
        {
            case "linear": // Chen et al. 2023, arXiv 2306.15595: positions are interpolated
                for (var i = 0; i < frequencies.Length; i++)
                    frequencies[i] /= factor;
                break;
            case "dynamic":
                DependsOnLength = true;
                ExtendedContext = (int)Math.Min(int.MaxValue, trainedContext * factor);
                break;
            case "llama3":
                ScaleAsLlama3(scaling.RequiredNumber("low_freq_factor"), scaling.RequiredNumber("high_freq_factor"));
                break;
            case "yarn":
                ScaleAsYarn(headWidth, scaling.Number("beta_fast") ?? 32, scaling.Number("beta_slow") ?? 1,
                    scaling.Flag("truncate") ?? true);
                Amplitude = scaling.Number("attention_factor") ?? 0.1 * Math.Log(factor) + 1;
                break;
            default:
                throw scaling.Bad("rope_type", $"is '{type}'; only default, linear, dynamic, llama3 and yarn can be computed");
        }
    }

    /// <summary>Factor on both cosine and sine (YaRN's temperature).</summary>
    public double Amplitude { get; } = 1;

    /// <summary>Whether a sequence's angles depend on its length, so that keys turned earlier cannot be kept.</summary>
    public bool DependsOnLength { get; }

    /// <summary>The context that a scaling by length allows; null where max_position_embeddings is it.</summary>
    public int? ExtendedContext { get; }

    /// <summary>Reads rope_theta and rope_scaling (or rope_parameters, its newer name).</summary>
    public static RotaryEmbedding Read(ConfigFields config, int headWidth, int context) =>
        new(config, config.Inner("rope_scaling") ?? config.Inner("rope_parameters"), headWidth, context);

    /// <summary>The d/2 frequencies, in radians a position, for a sequence of <paramref name="length"/> tokens.</summary>
    public double[] FrequenciesAt(long length)
    {
        if (!DependsOnLength || length <= trainedContext)
            return frequencies;
        // Dynamic NTK: θ grows with the length, so that the slowest pair is interpolated and the fastest is left alone.
        var width = 2.0 * frequencies.Length;
        var growth = factor * length / trainedContext - (factor - 1);
        return Frequencies(theta * Math.Pow(growth, width / (width - 2)), frequencies.Length * 2);
    }

    private static double[] Frequencies(double theta, int headWidth) =>
        [.. Enumerable.Range(0, headWidth / 2).Select(i => Math.Pow(theta, -2.0 * i / headWidth))];

    /// <summary>Llama 3.1: wavelengths beyond the trained context are interpolated, short ones left, those between blended.</summary>
    private void ScaleAsLlama3(double lowFactor, double highFactor)
    {
        for (var i = 0; i < frequencies.Length; i++)
        {
            var turns = trainedContext * frequencies[i] / (2 * Math.PI);
            var kept = Math.Clamp((turns - lowFactor) / (highFactor - lowFactor), 0, 1);
            frequencies[i] *= kept + (1 - kept) / factor;
        }
    }

    /// <summary>YaRN (Peng et al. 2023, arXiv 2309.00071): a linear ramp between the pairs that turn β_fast and β_slow times.</summary>
    private void ScaleAsYarn(int headWidth, double fast, double slow, bool truncate)
    {
        double Pair(double turns) => headWidth * Math.Log(trainedContext / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
        var (low, high) = truncate ? (Math.Floor(Pair(fast)), Math.Ceiling(Pair(slow))) : (Pair(fast), Pair(slow));
        low = Math.Max(low, 0);
        high = Math.Min(high, headWidth - 1);
        if (low == high)
            high += 0.001;
        for (var i = 0; i < frequencies.Length; i++)
        {
            var interpolated = Math.Clamp((i - low) / (high - low), 0, 1);
            frequencies[i] *= 1 - interpolated + interpolated / factor;
        }
    }
}
