using System.Text.RegularExpressions;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tasks;

namespace Pedigree.Evaluation;

/// <summary>From a model's answers to scores: of a row, of a task, of a group.</summary>
internal static class TaskScores
{
    /// <summary>A row whose requests, one a choice, were scored.</summary>
    public static ItemResult OfScored(EvaluationTask task, EvaluationItem item, IReadOnlyList<TokenScores> scores) => new(
        item, [.. scores.Select(score => score.Sum)], [.. scores.Select(score => score.IsGreedy)], null,
        task.Definition!.Metrics.ToDictionary(
            metric => $"{metric.Name},none", metric => Metrics.OfScores(metric.Name, scores, item, task)));

    /// <summary>A row to which the model wrote an answer.</summary>
    /// <exception cref="Weights.BadInputException">A regular expression of the task takes too long on it.</exception>
    public static ItemResult OfWritten(EvaluationTask task, EvaluationItem item, string output)
    {
        try
        {
            return new(
                item, [], [], output, task.Definition!.Filters.SelectMany(filter => task.Definition.Metrics.Select(metric =>
                    ($"{metric.Name},{filter.Name}", Metrics.ExactMatch(metric, filter.Apply(output), item.Targets))))
                    .ToDictionary());
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new Weights.BadInputException(task.File, task.Name, UntrustedRegex.TooSlow(error));
        }
    }

    /// <summary>The scores of a task.</summary>
    /// <param name="task">The task.</param>
    /// <param name="items">What the model answered, row by row.</param>
    /// <param name="draws">Draws of a bootstrapped standard error; 0 for no errors.</param>
    /// <param name="cancellation">Ends the drawing.</param>
    /// <exception cref="Weights.BadInputException">A score is too large to be a number.</exception>
    public static TaskResult OfTask(
        EvaluationTask task,
        IReadOnlyList<ItemResult> items,
        int draws = Bootstrap.Draws,
        CancellationToken cancellation = default)
    {
        List<MetricResult> metrics = [.. task.Definition!.Filters.SelectMany(filter =>
            task.Definition.Metrics.Select(metric => Aggregate.Over(task, metric, filter.Name, items, draws, cancellation)))];
        return new TaskResult(task, metrics.First(metric => metric.Metric == task.PrimaryMetric), metrics, items, []);
    }

    /// <summary>Means over the tasks of a group, its groups' tasks included.</summary>
    public static TaskResult OfGroup(EvaluationTask task, GroupDefinition group, IReadOnlyList<TaskResult> members)
    {
        var leaves = members.SelectMany(member => member.All()).Where(member => member.Members.Count == 0).ToList();
        var metrics = new List<MetricResult>();
        foreach (var known in group.Metrics)
        {
            var measured = leaves.SelectMany(
                leaf => leaf.Metrics.Where(metric => metric.Metric == known.Name).Select(metric => (Leaf: leaf, Metric: metric)));
            foreach (var filter in measured.GroupBy(pair => pair.Metric.Filter)
                .Where(filter => known.Filters?.Contains(filter.Key) ?? true))
            {
                List<int> sizes = [.. filter.Select(pair => pair.Leaf.Items.Count)];
                var weights = known.WeightBySize ? sizes : [.. sizes.Select(_ => 1)];
                metrics.Add(new MetricResult(known.Name, filter.Key,
                    filter.Zip(weights, (pair, weight) => pair.Metric.Value * weight).Sum() / weights.Sum(),
                    Aggregate.PooledError(
                        [.. filter.Select(pair => pair.Metric.StandardError)], sizes), Metrics.HigherIsBetter(known.Name)));
            }
        }
        var primary = metrics.FirstOrDefault(metric => metric.Metric == task.PrimaryMetric)
            ?? throw new Weights.BadInputException(group.File, "aggregate_metric_list",
                $"no task of {group.Name} measures {task.PrimaryMetric}");
        return new TaskResult(task, primary, metrics, [.. members.SelectMany(member => member.Items)], members);
    }
}
