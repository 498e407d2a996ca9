namespace Pedigree.Evaluation.Tasks;

/// <summary>What one item scored, and the arithmetic over items; as in the harness.</summary>
internal static class Metrics
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    /// <summary>
    /// Whether the most probable choice is the right one (the first of equals): by log-likelihood (acc), or by log-likelihood over
    /// length in characters (acc_norm) or UTF-8 bytes (acc_bytes).
    /// </summary>
    public static double Choice(string metric, IReadOnlyList<double> logLikelihoods, EvaluationItem item)
    {
        var best = 0;
        for (var i = 1; i < logLikelihoods.Count; i++)
        {
            if (Score(i) > Score(best))
                best = i;
        }
        return best == item.Gold ? 1 : 0;

        double Score(int i) => metric switch
        {
            "acc_norm" => logLikelihoods[i] / item.Choices[i].EnumerateRunes().Count(),
            "acc_bytes" => logLikelihoods[i] / System.Text.Encoding.UTF8.GetByteCount(item.Choices[i]),
            _ => logLikelihoods[i],
        };
    }

    /// <summary>1 where both sides are equal once made alike.</summary>
    public static double ExactMatch(MetricSettings metric, string prediction, string reference) =>
        Alike(metric, prediction) == Alike(metric, reference) ? 1 : 0;

    public static double Mean(IReadOnlyList<double> values) => values.Sum() / values.Count;

    /// <summary>Sample standard deviation over √n; null for one value.</summary>
    public static double? StandardError(IReadOnlyList<double> values)
    {
        if (values.Count < 2)
            return null;
        var mean = Mean(values);
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1) / values.Count);
    }

    private static string Alike(MetricSettings metric, string text)
    {
        foreach (var pattern in metric.Ignored)
            text = pattern.Replace(text, "");
        if (metric.IgnoreCase)
            text = text.ToLowerInvariant();
        return metric.IgnorePunctuation ? string.Concat(text.Where(character => !Punctuation.Contains(character))) : text;
    }
}
