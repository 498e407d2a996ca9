using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>Reads metric_list.</summary>
internal static class MetricFile
{
    public static IReadOnlyList<MetricSettings> Read(IReadOnlyList<ConfigurationNode>? list, OutputType type)
    {
        string[] known = type switch
        {
            OutputType.MultipleChoice => ["acc", "acc_norm", "acc_bytes", "exact_match", "f1", "mcc"],
            OutputType.LogLikelihood => ["acc", "perplexity"],
            OutputType.LogLikelihoodRolling => ["word_perplexity", "byte_perplexity", "bits_per_byte"],
            _ => ["exact_match"],
        };
        if (list is not { Count: > 0 })
            return [.. known.Take(type == OutputType.MultipleChoice ? 2 : known.Length)
                .Select(name => new MetricSettings(name, Metrics.HigherIsBetter(name)))];
        var metrics = list.Select(node => Metric(node.AsMapping(), known, type)).ToList();
        return metrics.DistinctBy(metric => metric.Name).Count() == metrics.Count ? metrics
            : throw list[0].Error("must have each metric once");
    }

    private static MetricSettings Metric(ConfigurationMapping entry, string[] known, OutputType type)
    {
        var nameNode = entry.Required("metric");
        var name = nameNode.AsString();
        if (!known.Contains(name))
            throw nameNode.Error($"\"{name}\" is not supported here; use {string.Join(" or ", known)}");
        if (entry.Optional("aggregation") is { } aggregation && aggregation.AsString() != Metrics.Aggregation(name))
            throw aggregation.Error($"must be `{Metrics.Aggregation(name)}`");
        var better = Metrics.HigherIsBetter(name);
        if (entry.Optional("higher_is_better") is { } higher && higher.AsBoolean() != better)
            throw higher.Error($"must be `{(better ? "true" : "false")}` for {name}");
        var metric = new MetricSettings(name, better);
        if (type == OutputType.GenerateUntil)
        {
            metric = metric with
            {
                IgnoreCase = entry.OptionalBoolean("ignore_case") ?? false,
                IgnorePunctuation = entry.OptionalBoolean("ignore_punctuation") ?? false,
                IgnoreNumbers = entry.OptionalBoolean("ignore_numbers") ?? false,
                Ignored = [.. (entry.OptionalSequence("regexes_to_ignore") ?? []).Select(TaskFile.Pattern)],
            };
        }
        entry.Optional("weight_by_size"); // Of a group; the harness's task files have it too, and nothing comes of it.
        entry.RefuseUnknownKeys();
        return metric;
    }
}
