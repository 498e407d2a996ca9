using System.Text;
using System.Text.RegularExpressions;
using Pedigree.Evaluation.Models;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>What one item scored; as in the harness.</summary>
internal static class Metrics
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    public static bool HigherIsBetter(string metric) =>
        metric is not ("perplexity" or "word_perplexity" or "byte_perplexity" or "bits_per_byte");

    /// <summary>The harness's name for how items become one number.</summary>
    public static string Aggregation(string metric) => metric switch
    {
        "perplexity" or "bits_per_byte" or "f1" => metric,
        "mcc" => "matthews_corrcoef",
        "word_perplexity" or "byte_perplexity" => "weighted_perplexity",
        _ => "mean",
    };

    /// <summary>
    /// What an item that was scored has in a metric: whether the best choice is right, whether the right continuation is greedy,
    /// for a perplexity the log-likelihood, or for f1 and mcc the number of the best choice.
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

    /// <summary>
    /// What an item counts for: words or bytes of its text; 1 elsewhere. Words are what white space separates, as
    /// Python's re.split counts.
    /// </summary>
    public static double Weight(string metric, EvaluationItem item, EvaluationTask task)
    {
        if (Aggregation(metric) is not ("weighted_perplexity" or "bits_per_byte"))
            return 1;
        var text = task.Definition!.Rule == ScoringRule.CountsOfPage
            ? item.Document["page"]?.GetValue<string>() ?? ""
            : item.Target;
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

    private static double ShareOfTrue(double[] sums, EvaluationItem item, EvaluationTask task)
    {
        var labels = item.Document["mc2_targets"]?["labels"]?.AsArray().Select(label => label!.GetValue<int>()).ToList();
        if (labels?.Count != sums.Length)
            throw new BadInputException(task.Definition!.File, $"row {item.Line}, mc2_targets.labels",
                $"must have one label a choice, {sums.Length}.");
        var most = sums.Max();
        return sums.Where((_, i) => labels[i] == 1).Sum(sum => Math.Exp(sum - most)) / sums.Sum(sum => Math.Exp(sum - most));
    }

    private static string Alike(MetricSettings metric, string text)
    {
        foreach (var pattern in metric.Ignored)
            text = pattern.Replace(text, "");
        if (metric.IgnoreCase)
            text = text.ToLowerInvariant();
        return string.Concat(text.Where(character => !(metric.IgnorePunctuation && Punctuation.Contains(character)
            || metric.IgnoreNumbers && char.IsAsciiDigit(character))));
    }
}
