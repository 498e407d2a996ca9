namespace Pedigree.Evaluation.Models;

/// <summary>
/// Rotary position embeddings (Su et al. 2021, arXiv 2104.09864): position p turns the i-th pair of a head's first 2n numbers by
/// the angle p·fᵢ, with the scalings by which contexts were lengthened.
/// </summary>
/// <param name="Frequencies">f₁ … fₙ, in radians a position.</param>
internal sealed record RotaryEmbedding(double[] Frequencies)
{
    /// <summary>Factor on both cosine and sine.</summary>
    public double Amplitude { get; init; } = 1;

    /// <summary>The frequencies by the length of the sequence, where they depend on it.</summary>
    public Func<long, double[]>? ByLength { get; init; }

    /// <summary>The context that a scaling by length allows; null where max_position_embeddings is it.</summary>
    public int? ExtendedContext { get; init; }

    /// <summary>How many numbers of each head are turned.</summary>
    public int Width => 2 * Frequencies.Length;

    /// <summary>Whether a sequence's angles depend on its length, so that keys turned earlier cannot always be kept.</summary>
    public bool DependsOnLength => ByLength is not null;

    public double[] FrequenciesAt(long length) => ByLength?.Invoke(length) ?? Frequencies;

    /// <summary>Whether sequences of both lengths have the same angles.</summary>
    public bool SameAt(int length, int other) =>
        length == other || FrequenciesAt(length).AsSpan().SequenceEqual(FrequenciesAt(other));

    /// <summary>θ^(−2i/d).</summary>
    public static double[] Plain(double theta, int width) =>
        [.. Enumerable.Range(0, width / 2).Select(i => Math.Pow(theta, -2.0 * i / width))];

    /// <summary>
    /// Dynamic NTK: θ grows with the length, so that the slowest pair is interpolated and the fastest is left alone.
    /// </summary>
    public static RotaryEmbedding Dynamic(double theta, int width, int trainedContext, double factor)
    {
        var plain = Plain(theta, width);
        return new(plain)
        {
            ExtendedContext = (int)Math.Min(int.MaxValue, trainedContext * factor),
            ByLength = length => length <= trainedContext ? plain
                : Plain(theta * Math.Pow(factor * length / trainedContext - (factor - 1), width / (width - 2.0)), width),
        };
    }

    /// <summary>
    /// LongRoPE (Ding et al. 2024, arXiv 2402.13753): each pair has its own factor, another one beyond the trained context.
    /// </summary>
    public static RotaryEmbedding LongRope(
        double theta,
        int width,
        int trainedContext,
        IReadOnlyList<double> shortFactors,
        IReadOnlyList<double> longFactors,
        double amplitude)
    {
        double[] Scaled(IReadOnlyList<double> factors) =>
            [.. Plain(theta, width).Zip(factors, (frequency, factor) => frequency / factor)];
        var (near, far) = (Scaled(shortFactors), Scaled(longFactors));
        return new(near) { Amplitude = amplitude, ByLength = length => length > trainedContext ? far : near };
    }

    /// <summary>Chen et al. 2023, arXiv 2306.15595: positions are interpolated.</summary>
    public static RotaryEmbedding Linear(double theta, int width, double factor) =>
        new([.. Plain(theta, width).Select(frequency => frequency / factor)]);

    /// <summary>
    /// Llama 3.1: wavelengths beyond the trained context are interpolated, short ones left, those between blended.
    /// </summary>
    public static RotaryEmbedding Llama3(
        double theta, int width, int trainedContext, double factor, double lowFactor, double highFactor) =>
        new([.. Plain(theta, width).Select(frequency =>
        {
            var turns = trainedContext * frequency / (2 * Math.PI);
            var kept = Math.Clamp((turns - lowFactor) / (highFactor - lowFactor), 0, 1);
            return frequency * (kept + (1 - kept) / factor);
        })]);

    /// <summary>
    /// YaRN (Peng et al. 2023, arXiv 2309.00071): a linear ramp between the pairs that turn β_fast and β_slow times.
    /// </summary>
    public static RotaryEmbedding Yarn(
        double theta, int width, int trainedContext, double factor, double fast, double slow, bool truncate, double amplitude)
    {
        double Pair(double turns) => width * Math.Log(trainedContext / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
        var (low, high) = truncate ? (Math.Floor(Pair(fast)), Math.Ceiling(Pair(slow))) : (Pair(fast), Pair(slow));
        low = Math.Max(low, 0);
        high = Math.Min(high, width - 1);
        if (low == high)
            high += 0.001;
        return new([.. Plain(theta, width).Select((frequency, i) =>
        {
            var interpolated = Math.Clamp((i - low) / (high - low), 0, 1);
            return frequency * (1 - interpolated + interpolated / factor);
        })])
        { Amplitude = amplitude };
    }
}
