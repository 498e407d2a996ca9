using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tasks;

namespace Pedigree.Evaluation;

/// <summary>A model's answer to one row of a task, as it is kept. Of several filters each has a row of its own.</summary>
public sealed class ItemRow
{
    /// <summary>The task; of a group, the member.</summary>
    public string Task { get; set; } = "";

    /// <summary>Number of the row in the task, from 0.</summary>
    public int DocId { get; set; }

    /// <summary>Name of the filter; none where there is none.</summary>
    public string Filter { get; set; } = "none";

    /// <summary>The right answer: of several choices its number.</summary>
    public string? Target { get; set; }

    /// <summary>What the model wrote up to the first stop; null where it scored.</summary>
    public string? Output { get; set; }

    /// <summary>What the filter made of it.</summary>
    public string? Filtered { get; set; }

    /// <summary>One a request; empty where the model wrote.</summary>
    public List<double> LogLikelihoods { get; set; } = [];

    /// <summary>Whether each request's continuation is what the model would have written.</summary>
    public List<bool> IsGreedy { get; set; } = [];

    /// <summary>Names of what was measured.</summary>
    public List<string> Metrics { get; set; } = [];

    /// <summary>One value a metric.</summary>
    public List<double> Values { get; set; } = [];

    /// <summary>The value in the metric that counts.</summary>
    public double Score { get; set; }

    /// <summary>
    /// Share of this row in the task's score, which is Σ weight·score; 0 where it does not count, or the score is no mean.
    /// </summary>
    public double Weight { get; set; }

    /// <summary>The row with the field names of the harness's samples.</summary>
    public JsonObject ToJson()
    {
        JsonArray answers = Output is { } output ? [output]
            : [.. LogLikelihoods.Zip(IsGreedy, (sum, greedy) => (JsonNode)new JsonArray(sum, greedy))];
        var json = new JsonObject
        {
            ["task"] = Task,
            ["doc_id"] = DocId,
            ["target"] = Target,
            ["resps"] = new JsonArray([.. answers.Select(answer => new JsonArray(answer!.DeepClone()))]),
            ["filtered_resps"] = Filtered is { } filtered ? new JsonArray(filtered) : answers,
            ["filter"] = Filter,
            ["metrics"] = new JsonArray([.. Metrics.Select(metric => (JsonNode)metric)]),
        };
        foreach (var (metric, value) in Metrics.Zip(Values))
            json[metric] = value;
        return json;
    }

    /// <summary>All rows of a task's result; of a group, of all its tasks.</summary>
    public static IReadOnlyList<ItemRow> Of(TaskResult result)
    {
        var shares = Shares(result.Source, result.Primary.Filter);
        return [.. result.All().Where(leaf => leaf.Members.Count == 0).SelectMany(leaf => leaf.Items.SelectMany((item, number) =>
            Of(result.Source, leaf.Source, item, number, result.Primary.Filter, shares[leaf.Task])))];
    }

    /// <summary>The share of one row of each task in the score of the whole.</summary>
    internal static IReadOnlyDictionary<string, double> Shares(EvaluationTask task, string filter)
    {
        var metric = task.PrimaryMetric;
        bool Counts(EvaluationTask leaf) => Tasks.Metrics.Aggregation(metric) == "mean"
            && leaf.Definition!.Metrics.Any(known => known.Name == metric)
            && leaf.Definition.Filters.Any(known => known.Name == filter);
        var bySize = task.Group?.Metrics.First(known => known.Name == metric).WeightBySize ?? true;
        var leaves = task.Leaves().ToList();
        var whole = leaves.Where(Counts).Sum(leaf => bySize ? leaf.Items.Count : 1.0);
        return leaves.ToDictionary(
            leaf => leaf.Name, leaf => !Counts(leaf) ? 0 : bySize ? 1 / whole : 1 / whole / leaf.Items.Count);
    }

    /// <summary>The rows of one answer, one a filter.</summary>
    internal static IEnumerable<ItemRow> Of(
        EvaluationTask task, EvaluationTask leaf, ItemResult item, int number, string counted, double share) =>
        leaf.Definition!.Filters.Select(filter => new ItemRow
        {
            Task = leaf.Name,
            DocId = number,
            Filter = filter.Name,
            Target = item.Item.Shown,
            Output = item.Output,
            Filtered = item.Output is { } output ? filter.Apply(output) : null,
            LogLikelihoods = [.. item.LogLikelihoods],
            IsGreedy = [.. item.IsGreedy],
            Metrics = [.. leaf.Definition.Metrics.Select(metric => metric.Name)],
            Values = [.. leaf.Definition.Metrics.Select(metric => item.Scores[$"{metric.Name},{filter.Name}"])],
            Score = item.Scores.GetValueOrDefault($"{task.PrimaryMetric},{filter.Name}"),
            Weight = filter.Name == counted ? share : 0,
        });
}
