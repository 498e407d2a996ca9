using System.Text.Json.Nodes;
using Pedigree.Evaluation;
using Pedigree.Evolution.Statistics;
using Pedigree.Workflow.Report;

namespace Pedigree.Cli;

/// <summary>Two models in one task, item by item.</summary>
/// <param name="Task">The task.</param>
/// <param name="Metric">Its metric that counts, with the filter.</param>
/// <param name="Items">Items that both answered.</param>
/// <param name="Result">Difference of the first from the second, and the test of it.</param>
/// <param name="Corrected">The p-value after Holm's correction for all tasks compared.</param>
internal sealed record TaskComparison(string Task, string Metric, int Items, Comparison Result, double Corrected)
{
    /// <summary>Compares two models that were given the same tasks, in order.</summary>
    public static IReadOnlyList<TaskComparison> Of(EvaluationResults first, EvaluationResults second)
    {
        List<TaskComparison> all = [.. first.Tasks.SelectMany(task => task.All()).Where(task => task.Members.Count == 0)
            .Zip(second.Tasks.SelectMany(task => task.All()).Where(task => task.Members.Count == 0), (one, other) =>
            {
                string key = $"{one.Primary.Metric},{one.Primary.Filter}";
                return new TaskComparison(one.Task, key, one.Items.Count,
                    PairedTests.Compare(
                        [.. one.Items.Select(item => item.Scores[key])], [.. other.Items.Select(item => item.Scores[key])]), 0);
            })];
        IReadOnlyList<double> corrected = PairedTests.Holm([.. all.Select(comparison => comparison.Result.PValue)]);
        return [.. all.Zip(corrected, (comparison, p) => comparison with { Corrected = p })];
    }

    public JsonObject ToJson() => new()
    {
        ["task"] = Task,
        ["metric"] = Metric,
        ["items"] = Items,
        ["difference"] = Result.Difference,
        ["test"] = Result.Test,
        ["p"] = Result.PValue,
        ["p_holm"] = Corrected,
    };

    public string InWords(string other) =>
        FormattableString.Invariant($"{Task} {Metric}: {Result.Difference:+0.0000;−0.0000;0.0000} against {other} ")
        + FormattableString.Invariant($"on {Items} items, {Format.EqualsP(Corrected)} ({Result.Test}, Holm)");
}
