using System.Xml.Linq;
using Pedigree.Evolution;
using static Pedigree.Workflow.Report.Markup;

namespace Pedigree.Workflow.Report;

/// <summary>Every model's score on every task.</summary>
internal static class ScoreTable
{
    public static XElement Of(RunHistory history)
    {
        List<Model> models = [.. history.State.Population];
        if (history.State.Base is { Average: not null } ancestor)
            models.Add(ancestor);
        IReadOnlyList<TaskSpec> tasks = history.Spec.Tasks;
        List<double> best =
            [.. tasks.Select((_, task) => models.Select(model => model.Scores[task].Value).DefaultIfEmpty().Max())];
        return Section("scores", "Scores by task",
            "Percent, best average first; the best value of a task is bold. "
            + "A value's tooltip gives its metric and standard error. "
            + "“p to best” says how often chance alone would part a model as far from the best; "
            + "“≈” marks estimates of a child that was given up early.",
            Table(
                [
                    Element("th", "model"),
                    Element("th.number", "average"),
                    Element("th.number", "p to best"),
                    .. tasks.Select(task => Element("th.number", TaskName(task))),
                ],
                models.Select(model => Element(history.BestLine.Contains(model.Name) ? "tr.line" : "tr",
                    Element("th", model.Name),
                    Element("td.number", Format.Average(model)),
                    Element("td.number",
                        Format.PValue(models.Count > 0 ? history.State.Compare(models[0].Name, model.Name)?.PValue : null)),
                    model.Scores.Select((score, task) => Element(score.Value == best[task] ? "td.number.best" : "td.number",
                        Attribute("title", score.StandardError is { } error
                            ? $"{score.Metric} ± {Format.Percent(error)}" : score.Metric),
                        Format.Percent(score.Value)))))));
    }

    /// <summary>The task's name without the folder and the ending of the file that defines it.</summary>
    private static string TaskName(TaskSpec task) => Path.GetFileNameWithoutExtension(task.Task);
}
