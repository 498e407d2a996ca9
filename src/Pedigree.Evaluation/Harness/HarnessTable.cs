using System.Globalization;
using System.Text;

namespace Pedigree.Evaluation.Harness;

/// <summary>Results as the harness prints them: a table in Markdown, and where there are groups another of these alone.</summary>
public static class HarnessTable
{
    private static readonly (string Heading, bool Number)[] Columns =
    [
        ("Tasks", false), ("Version", true), ("Filter", false), ("n-shot", true), ("Metric", false), ("", false), ("Value", true),
        ("", false), ("Stderr", true),
    ];

    /// <summary>
    /// A row for every task and metric, metrics in order of their names; groups, each before its indented members, then tasks,
    /// all in order of their names.
    /// </summary>
    public static string Write(EvaluationResults results)
    {
        var all = Write(Columns, results, _ => true);
        return results.Tasks.All(task => task.Members.Count == 0) ? all
            : $"{all}\n{Write([("Groups", false), .. Columns.Skip(1)], results, task => task.Members.Count > 0)}";
    }

    private static string Write((string Heading, bool Number)[] columns, EvaluationResults results, Func<TaskResult, bool> shown)
    {
        var rows = results.Tasks
            .OrderBy(task => task.Members.Count == 0)
            .ThenBy(task => task.Task, StringComparer.Ordinal)
            .SelectMany(task => Rows(task, 0, shown))
            .ToList();
        var widths = columns
            .Select((column, i) => Math.Max(Math.Max(3, column.Heading.Length), rows.Max(row => row[i].Length)))
            .ToList();
        var table = new StringBuilder();
        table.Append('|').AppendJoin('|', columns.Select(
            (column, i) => column.Heading.PadLeft((widths[i] + column.Heading.Length) / 2).PadRight(widths[i]))).Append("|\n|");
        table.AppendJoin(
            '|', columns.Select((column, i) => column.Number ? new string('-', widths[i] - 1) + ":" : new string('-', widths[i])))
            .Append("|\n");
        foreach (var row in rows)
            table.Append('|')
                .AppendJoin('|', row.Select((cell, i) => columns[i].Number ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i])))
                .Append("|\n");
        return table.ToString();
    }

    private static IEnumerable<string[]> Rows(TaskResult task, int depth, Func<TaskResult, bool> shown)
    {
        var (name, version) =
            (depth == 0 ? task.Source.Alias : $"{new string(' ', depth)}- {task.Source.Alias}", task.Source.Version.ToString());
        foreach (var metric in task.Metrics.Where(_ => shown(task))
            .OrderBy(metric => $"{metric.Metric},{metric.Filter}", StringComparer.Ordinal))
        {
            yield return
            [
                name, version, metric.Filter, $"{task.Source.Shots}", metric.Metric, metric.HigherIsBetter ? "↑" : "↓",
                Number(metric.Value), "±", metric.StandardError is { } error ? Number(error) : "N/A",
            ];
            (name, version) = ("", "");
        }
        foreach (var row in task.Members.OrderBy(member => member.Task, StringComparer.Ordinal)
            .SelectMany(member => Rows(member, depth + 1, shown)))
            yield return row;
    }

    private static string Number(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);
}
