using System.Xml.Linq;
using Pedigree.Evolution;
using static Pedigree.Workflow.Report.Markup;

namespace Pedigree.Workflow.Report;

/// <summary>Every pair that was merged or passed over, and why.</summary>
internal static class DecisionTables
{
    private static readonly string[] Columns =
        ["child", "better parent", "other parent", "purpose", "kinship", "ranks", "p", "average", "gain", "why"];

    public static XElement Of(RunHistory history) => Section("decisions", "Every decision",
        "Who was merged with whom, and why. Ranks are the parents' places in the population at that time; "
        + "p is that of their difference on the same items; gain is the child's average minus the mean of its parents'.",
        history.Decisions.Select(decision => Generation(history, decision)));

    private static XElement Generation(RunHistory history, ParentsSelected decision)
    {
        GenerationCompleted? completed = history.State.Generations.ElementAtOrDefault(decision.Generation);
        IReadOnlyList<ModelComparison> tests = decision.Comparisons ?? [];
        return Element("article",
            Element("h3", $"Generation {decision.Generation}"),
            completed is null ? null : Element("p.reading", string.Join(" · ",
                $"best {completed.Best.Name} with {Format.Percent(completed.Best.Average)} %",
                $"S = {string.Join(", ", completed.Selected)}",
                $"mean kinship {Format.Kinship(completed.MeanKinship)}", $"mean gain {Format.Points(completed.Gain)}",
                Format.Name(completed.Stage))),
            Table(Columns.Select(column => Element(IsNumber(column) ? "th.number" : "th", column)),
                decision.Pairs.Select(pair => Row(history, pair))),
            Notes($"S was decided at the level {history.Spec.Significance}, with Holm's correction for {tests.Count} tests:",
                tests.Select(test =>
                    $"{test.First} against {test.Second}: {Format.Points(test.Difference)}, "
                    + $"p = {Format.PValue(test.Corrected)} ({test.Test}, {test.Items} items)")),
            Notes("Passed over:", decision.PassedOver.Select(passed =>
                $"{passed.First} × {passed.Second}, kinship {Format.Kinship(passed.Kinship)}: {passed.Reason}")));
    }

    // A heading with a list below it, where there is anything to list.
    private static XElement[] Notes(string heading, IEnumerable<string> notes) => !notes.Any() ? []
        : [Element("p.passed", heading), Element("ul.passed", notes.Select(note => Element("li", note)))];

    private static XElement Row(RunHistory history, Mating pair)
    {
        Model? child = history.State.Models.GetValueOrDefault(pair.Child);
        double? gain = child?.Average is { } average ? history.State.Gain(pair.Child, average) : null;
        return Element(history.BestLine.Contains(pair.Child) ? "tr.line" : "tr",
            Element("th", pair.Child),
            Element("td", pair.First),
            Element("td", pair.Second),
            Element("td", Element($"span.purpose.{Format.Name(pair.Purpose)}", Format.Name(pair.Purpose))),
            Element("td.number", Format.Kinship(pair.Kinship)),
            Element("td.number", $"{pair.Ranks[0]}, {pair.Ranks[1]}"),
            Element("td.number", Format.PValue(pair.PValue)),
            Element("td.number", child is null ? Format.Percent(null) : Format.Average(child)),
            Element(gain < 0 ? "td.number.loss" : "td.number.won", Format.Points(gain)),
            Element("td.why", pair.Reason, history.Failures.TryGetValue(pair.Child, out WorkFailed? failed)
                ? Element("strong.failed", $" {failed.Activity} failed: {failed.Error}") : null));
    }

    private static bool IsNumber(string column) => column is "kinship" or "ranks" or "p" or "average" or "gain";
}
