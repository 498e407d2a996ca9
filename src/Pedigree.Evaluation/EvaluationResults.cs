using System.Text.Json.Nodes;
using Pedigree.Evaluation.Harness;
using Pedigree.Evaluation.Tasks;

namespace Pedigree.Evaluation;

/// <summary>What one model scored.</summary>
public sealed record EvaluationResults(IReadOnlyList<TaskResult> Tasks)
{
    /// <summary>The model's chat template that wrote the prompts; null where none did.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>The model; null where it is not known.</summary>
    public ModelFacts? Model { get; init; }

    /// <summary>
    /// The harness's shape: {"results": {task: {"alias", "acc,none", "acc_stderr,none", …}}, "groups", "group_subtasks",
    /// "configs", "versions", "n-shot", "higher_is_better", "n-samples"}. A group stands before its tasks.
    /// </summary>
    public JsonObject ToJson()
    {
        var all = Tasks.SelectMany(task => task.All()).ToList();
        var groups = all.Where(task => task.Members.Count > 0).ToList();
        var leaves = all.Where(task => task.Members.Count == 0).ToList();
        var json = new JsonObject { ["results"] = Each(all, Scores) };
        if (groups.Count > 0)
            json["groups"] = Each(groups, Scores);
        json["group_subtasks"] = Each(all, task => new JsonArray([.. task.Members.Select(member => (JsonNode)member.Task)]));
        json["configs"] = Each(leaves, task => TaskConfiguration.Of(task.Source));
        json["versions"] = Each(all, task => task.Source.Version);
        json["n-shot"] = Each(all.Where(task => task.Source.Shots is not null), task => task.Source.Shots);
        json["higher_is_better"] = Each(
            all, task => new JsonObject(task.All().SelectMany(one => one.Metrics).DistinctBy(metric => metric.Metric)
                .Select(metric => KeyValuePair.Create(metric.Metric, (JsonNode?)metric.HigherIsBetter))));
        json["n-samples"] = Each(
            leaves, task => new JsonObject { ["original"] = task.Source.Available, ["effective"] = task.Items.Count });
        return json;
    }

    private static JsonObject Each(IEnumerable<TaskResult> tasks, Func<TaskResult, JsonNode?> value) =>
        new(tasks.Select(task => KeyValuePair.Create(task.Task, value(task))));

    private static JsonObject Scores(TaskResult task)
    {
        var scores = new JsonObject { ["name"] = task.Task, ["alias"] = task.Source.Alias, ["sample_len"] = task.Items.Count };
        foreach (var metric in task.Metrics)
        {
            scores[$"{metric.Metric},{metric.Filter}"] = metric.Value;
            scores[$"{metric.Metric}_stderr,{metric.Filter}"] = metric.StandardError is { } error ? error : "N/A";
        }
        if (task.Members.Count > 0)
            scores["sample_count"] = new JsonObject(task.Metrics.Select(metric => KeyValuePair.Create(
                $"{metric.Metric},{metric.Filter}", (JsonNode?)task.All().Where(leaf => leaf.Members.Count == 0
                    && leaf.Metrics.Any(known => known.Metric == metric.Metric && known.Filter == metric.Filter))
                    .Sum(leaf => leaf.Items.Count))));
        return scores;
    }
}

/// <summary>What one model scored in one task or group.</summary>
/// <param name="Source">The task.</param>
/// <param name="Primary">The score that counts: the task's primary metric under its first filter.</param>
/// <param name="Metrics">All scores.</param>
/// <param name="Items">What the model answered, row by row; of a group, of all its tasks.</param>
/// <param name="Members">Results of a group's tasks; none of a task.</param>
public sealed record TaskResult(
    EvaluationTask Source,
    MetricResult Primary,
    IReadOnlyList<MetricResult> Metrics,
    IReadOnlyList<ItemResult> Items,
    IReadOnlyList<TaskResult> Members)
{
    /// <summary>The task's name.</summary>
    public string Task => Source.Name;

    /// <summary>The task's digest.</summary>
    public string Digest => Source.Digest;

    /// <summary>This, and of a group all its tasks.</summary>
    public IEnumerable<TaskResult> All() => Members.SelectMany(member => member.All()).Prepend(this);
}

/// <summary>One score.</summary>
/// <param name="Metric">acc, acc_norm, acc_bytes, exact_match: 0 to 1; or a perplexity or bits_per_byte: less is better.</param>
/// <param name="Filter">Name of the filter; none where there is none.</param>
/// <param name="Value">The score.</param>
/// <param name="StandardError">Its standard error; null for a single row, and where the harness gives none.</param>
/// <param name="HigherIsBetter">Whether more is better.</param>
public sealed record MetricResult(string Metric, string Filter, double Value, double? StandardError, bool HigherIsBetter);

/// <summary>A model's answer to one row.</summary>
/// <param name="Item">The row.</param>
/// <param name="LogLikelihoods">One a request; empty where the model wrote.</param>
/// <param name="IsGreedy">Whether each request's continuation is what the model would have written.</param>
/// <param name="Output">What the model wrote up to the first stop; null where it scored.</param>
/// <param name="Scores">Score by "metric,filter"; of a perplexity the log-likelihood.</param>
public sealed record ItemResult(
    EvaluationItem Item, IReadOnlyList<double> LogLikelihoods, IReadOnlyList<bool> IsGreedy, string? Output,
    IReadOnlyDictionary<string, double> Scores);
