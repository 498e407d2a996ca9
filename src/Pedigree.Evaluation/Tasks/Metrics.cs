using System.Text;
using System.Text.RegularExpressions;
using Pedigree.Evaluation.Models;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>What one item scored, and the arithmetic over items; as in the harness.</summary>
internal static class Metrics
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    public static bool HigherIsBetter(string metric) => metric is not ("perplexity" or "word_perplexity" or "byte_perplexity" or "bits_per_byte");

    /// <summary>The harness's name for how items become one number.</summary>
    public static string Aggregation(string metric) => metric switch
    {
        "perplexity" or "bits_per_byte" or "f1" => metric,
        "mcc" => "matthews_corrcoef",
        "word_perplexity" or "byte_perplexity" => "weighted_perplexity",
        _ => "mean",
    };

    /// <summary>
    /// What an item that was scored has in a metric: whether the best choice is right, whether the right continuation is greedy, for a
    /// perplexity the log-likelihood, or for f1 and mcc the number of the best choice.
    /// </summary>
    public static double OfScores(string metric, IReadOnlyList<TokenScores> scores, EvaluationItem item, EvaluationTask task)
    {
        double[] sums = [.. scores.Select(score => score.Sum)];
        return task.Type switch
        {
            OutputType.MultipleChoice when task.Definition!.Rule == ScoringRule.ShareOfTrue => ShareOfTrue(sums, item, task),
            OutputType.MultipleChoice when metric == "exact_match" => item.Golds.Any(gold => scores[gold].IsGreedy) ? 1 : 0,
            OutputType.MultipleChoice when IsAgreement(metric) => Best(sums),
            OutputType.MultipleChoice => Choice(metric, sums, item),
            OutputType.LogLikelihood when metric == "acc" => scores[0].IsGreedy ? 1 : 0,
            _ => sums.Sum(),
        };
    }

    /// <summary>What an item counts for: words or bytes of its text; 1 elsewhere. Words are what white space separates, as Python's re.split counts.</summary>
    public static double Weight(string metric, EvaluationItem item, EvaluationTask task)
    {
        if (Aggregation(metric) is not ("weighted_perplexity" or "bits_per_byte"))
            return 1;
        var text = task.Definition!.Rule == ScoringRule.CountsOfPage ? item.Document["page"]?.GetValue<string>() ?? "" : item.Target;
        return metric == "word_perplexity" ? Regex.Split(text, @"\s+").Length : Encoding.UTF8.GetByteCount(text);
    }

    /// <summary>
    /// Whether the most probable choice is a right one (the first of equals): by log-likelihood (acc), or by log-likelihood over
    /// length in characters (acc_norm) or UTF-8 bytes (acc_bytes).
    /// </summary>
    public static double Choice(string metric, IReadOnlyList<double> logLikelihoods, EvaluationItem item)
    {
        var best = Best([.. logLikelihoods.Select((_, i) => Score(i))]);
        return item.Golds.Contains(best) ? 1 : 0;

        double Score(int i) => metric switch
        {
            "acc_norm" => logLikelihoods[i] / item.Choices[i].EnumerateRunes().Count(),
            "acc_bytes" => logLikelihoods[i] / Encoding.UTF8.GetByteCount(item.Choices[i]),
            _ => logLikelihoods[i],
        };
    }

    /// <summary>Whether a metric is no mean, but of the right choices and the best ones of all items.</summary>
    public static bool IsAgreement(string metric) => metric is "f1" or "mcc";

    /// <summary>
    /// f1: 2·TP / (2·TP + FP + FN), choice 1 being the positive one; mcc: Matthews' correlation of any number of choices (Gorodkin 2004).
    /// Where there is nothing to divide by, 0.
    /// </summary>
    /// <param name="metric">f1 or mcc.</param>
    /// <param name="golds">The right choice of every item.</param>
    /// <param name="picks">The best one.</param>
    public static double Agreement(string metric, IReadOnlyList<int> golds, IReadOnlyList<int> picks)
    {
        if (metric == "f1")
        {
            double hits = golds.Zip(picks).Count(pair => pair is (1, 1)), marked = golds.Count(gold => gold == 1) + picks.Count(pick => pick == 1);
            return marked == 0 ? 0 : 2 * hits / marked;
        }
        double n = golds.Count, right = golds.Zip(picks).Count(pair => pair.First == pair.Second), both = 0, goldSquares = 0, pickSquares = 0;
        for (var choice = 0; choice <= Math.Max(golds.Max(), picks.Max()); choice++)
        {
            double gold = golds.Count(one => one == choice), pick = picks.Count(one => one == choice);
            (both, goldSquares, pickSquares) = (both + gold * pick, goldSquares + gold * gold, pickSquares + pick * pick);
        }
        var scale = Math.Sqrt((n * n - goldSquares) * (n * n - pickSquares));
        return scale == 0 ? 0 : (right * n - both) / scale;
    }

    private static int Best(IReadOnlyList<double> scores)
    {
        var best = 0;
        for (var i = 1; i < scores.Count; i++)
        {
            if (scores[i] > scores[best])
                best = i;
        }
        return best;
    }

    /// <summary>1 where both sides are equal once made alike, for any of several right answers.</summary>
    public static double ExactMatch(MetricSettings metric, string prediction, IReadOnlyList<string> references) =>
        references.Any(reference => Alike(metric, prediction) == Alike(metric, reference)) ? 1 : 0;

    /// <summary>One number over all items.</summary>
    public static MetricResult Over(MetricSettings metric, string filter, IReadOnlyList<double> values, IReadOnlyList<double> weights)
    {
        var mean = values.Sum() / weights.Sum();
        return Aggregation(metric.Name) switch
        {
            // exp(−mean): its error follows to first order from that of the mean, where the harness resamples.
            "perplexity" => new(metric.Name, filter, Math.Exp(-mean), Math.Exp(-mean) * StandardError(values), false),
            "weighted_perplexity" => new(metric.Name, filter, Math.Exp(-mean), null, false),
            "bits_per_byte" => new(metric.Name, filter, -mean / Math.Log(2), null, false),
            _ => new(metric.Name, filter, mean, StandardError(values), metric.HigherIsBetter),
        };
    }

    public static double Mean(IReadOnlyList<double> values) => values.Sum() / values.Count;

    /// <summary>Sample standard deviation over √n; null for one value.</summary>
    public static double? StandardError(IReadOnlyList<double> values)
    {
        if (values.Count < 2)
            return null;
        var mean = Mean(values);
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1) / values.Count);
    }

    /// <summary>A group's error, of those of its tasks: √(Σ (nᵢ − 1)·nᵢ·eᵢ² / (Σ nᵢ − count) / Σ nᵢ), the pooled variance; null where one has none.</summary>
    public static double? PooledError(IReadOnlyList<double?> errors, IReadOnlyList<int> sizes) => errors.Any(error => error is null) ? null
        : Math.Sqrt(errors.Zip(sizes, (error, size) => (size - 1.0) * size * error!.Value * error.Value).Sum() / (sizes.Sum() - sizes.Count) / sizes.Sum());

    private static double ShareOfTrue(double[] sums, EvaluationItem item, EvaluationTask task)
    {
        var labels = item.Document["mc2_targets"]?["labels"]?.AsArray().Select(label => label!.GetValue<int>()).ToList();
        if (labels?.Count != sums.Length)
            throw new BadInputException(task.Definition!.File, $"row {item.Line}, mc2_targets.labels", $"must have one label a choice, {sums.Length}.");
        var most = sums.Max();
        return sums.Where((_, i) => labels[i] == 1).Sum(sum => Math.Exp(sum - most)) / sums.Sum(sum => Math.Exp(sum - most));
    }

    private static string Alike(MetricSettings metric, string text)
    {
        foreach (var pattern in metric.Ignored)
            text = pattern.Replace(text, "");
        if (metric.IgnoreCase)
            text = text.ToLowerInvariant();
        return string.Concat(text.Where(character => !(metric.IgnorePunctuation && Punctuation.Contains(character) || metric.IgnoreNumbers && char.IsAsciiDigit(character))));
    }
}
