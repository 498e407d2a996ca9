using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tasks;

namespace Pedigree.Evaluation;

/// <summary>What one model scored.</summary>
public sealed record EvaluationResults(IReadOnlyList<TaskResult> Tasks)
{
    /// <summary>The harness's shape: {"results": {task: {"alias", "acc,none", "acc_stderr,none", …}}}.</summary>
    public JsonObject ToJson()
    {
        var results = new JsonObject();
        foreach (var task in Tasks)
        {
            var scores = new JsonObject { ["alias"] = task.Task, ["sample_len"] = task.Items.Count };
            foreach (var metric in task.Metrics)
            {
                scores[$"{metric.Metric},{metric.Filter}"] = metric.Value;
                scores[$"{metric.Metric}_stderr,{metric.Filter}"] = metric.StandardError is { } error ? error : "N/A";
            }
            results[task.Task] = scores;
        }
        return new JsonObject { ["results"] = results };
    }
}

/// <summary>What one model scored in one task.</summary>
/// <param name="Task">The task's name.</param>
/// <param name="Digest">The task's digest.</param>
/// <param name="Primary">The score that counts: the task's primary metric under its first filter.</param>
/// <param name="Metrics">All scores.</param>
/// <param name="Items">What the model answered, row by row.</param>
public sealed record TaskResult(
    string Task, string Digest, MetricResult Primary, IReadOnlyList<MetricResult> Metrics, IReadOnlyList<ItemResult> Items);

/// <summary>One score.</summary>
/// <param name="Metric">acc, acc_norm, acc_bytes, exact_match: 0 to 1; or perplexity: 1 and more, less is better.</param>
/// <param name="Filter">Name of the filter; none where there is none.</param>
/// <param name="Value">The score.</param>
/// <param name="StandardError">Its standard error; null for a single row.</param>
public sealed record MetricResult(string Metric, string Filter, double Value, double? StandardError);

/// <summary>A model's answer to one row.</summary>
/// <param name="Item">The row.</param>
/// <param name="LogLikelihoods">One a request; empty where the model wrote.</param>
/// <param name="IsGreedy">Whether each request's continuation is what the model would have written.</param>
/// <param name="Output">What the model wrote up to the first stop; null where it scored.</param>
/// <param name="Scores">Score by "metric,filter".</param>
public sealed record ItemResult(
    EvaluationItem Item, IReadOnlyList<double> LogLikelihoods, IReadOnlyList<bool> IsGreedy, string? Output,
    IReadOnlyDictionary<string, double> Scores);
