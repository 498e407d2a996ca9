using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Pedigree.Evaluation.Harness;

/// <summary>Results as the harness prints them: a table in Markdown.</summary>
public static class HarnessTable
{
    private static readonly (string Heading, bool Number)[] Columns =
    [
        ("Tasks", false), ("Version", true), ("Filter", false), ("n-shot", true), ("Metric", false), ("", false), ("Value", true), ("", false), ("Stderr", true),
    ];

    /// <summary>A row for every task and metric, metrics in order of their names; a group before its tasks, which are indented.</summary>
    public static string Write(EvaluationResults results)
    {
        var rows = results.Tasks.SelectMany(task => Rows(task, 0)).ToList();
        var widths = Columns.Select((column, i) => Math.Max(Math.Max(3, column.Heading.Length), rows.Max(row => row[i].Length))).ToList();
        var table = new StringBuilder();
        table.Append('|').AppendJoin('|', Columns.Select((column, i) => column.Heading.PadLeft((widths[i] + column.Heading.Length) / 2).PadRight(widths[i]))).Append("|\n|");
        table.AppendJoin('|', Columns.Select((column, i) => column.Number ? new string('-', widths[i] - 1) + ":" : new string('-', widths[i]))).Append("|\n");
        foreach (var row in rows)
            table.Append('|').AppendJoin('|', row.Select((cell, i) => Columns[i].Number ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).Append("|\n");
        return table.ToString();
    }

    private static IEnumerable<string[]> Rows(TaskResult task, int depth)
    {
        var name = depth == 0 ? task.Source.Alias : $"{new string(' ', depth)}- {task.Source.Alias}";
        foreach (var metric in task.Metrics.OrderBy(metric => $"{metric.Metric},{metric.Filter}", StringComparer.Ordinal))
        {
            yield return
            [
                name, (task.Source.Version as JsonValue)?.ToString() ?? "N/A", metric.Filter, task.Members.Count > 0 ? "" : $"{task.Source.Fewshot}",
                metric.Metric, metric.HigherIsBetter ? "↑" : "↓", Number(metric.Value), "±", metric.StandardError is { } error ? Number(error) : "N/A",
            ];
            name = "";
        }
        foreach (var row in task.Members.SelectMany(member => Rows(member, depth + 1)))
            yield return row;
    }

    private static string Number(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);
}
