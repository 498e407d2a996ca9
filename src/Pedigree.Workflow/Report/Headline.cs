using System.Xml.Linq;
using Pedigree.Evolution;
using static Pedigree.Workflow.Report.Markup;

namespace Pedigree.Workflow.Report;

/// <summary>The outcome in three numbers and two sentences.</summary>
internal static class Headline
{
    public static XElement Of(RunHistory history)
    {
        RunState state = history.State;
        int lastGeneration = Math.Max(0, state.Generations.Count - 1);
        return Element("header",
            Element("p.brand", "Pedigree · report of a run"),
            Element("h1", history.Run),
            history.Best is { } best ? Element("div.tiles", Tiles(history, best)) : null,
            Element("p.verdict", history.Best is { } winner ? Verdict(history, winner) : "No model has been evaluated yet."),
            Element("p.ended", state.Completed is null
                ? Element("strong", "Still running: this page shows how far it came.") : Element("strong", "Why it ended: "),
                state.Completed is null ? null : $"{StopWords.Of(state)}."),
            Element("p.facts", string.Join(" · ",
                $"strategy {history.Spec.Strategy.Name}",
                $"k = {state.SelectedSize}",
                Format.Plural(lastGeneration, "generation"),
                Format.Plural(state.Merges, "merge"),
                Format.Plural(state.Evaluations, "evaluation"),
                $"{Format.Count(history.Parameters)} parameters a model")));
    }

    private static IEnumerable<XElement> Tiles(RunHistory history, Model best)
    {
        yield return Tile("tile.winner", "Best model", best.Average, best.Name);
        if (history.BestAdmitted is { } admitted)
            yield return Tile("tile", "Best admitted", admitted.Average,
                $"{admitted.Name} · {ToTheBest(history, best, admitted.Name, admitted.Average)}");
        if (history.State.Base?.Average is { } ancestor)
            yield return Tile("tile", "Base", ancestor,
                $"the ancestor · {ToTheBest(history, best, RunState.BaseName, ancestor)}");
    }

    private static string ToTheBest(RunHistory history, Model best, string name, double? average) =>
        $"{Format.Points(best.Average - average)} to the best{Format.WithPValue(history.State.Compare(best.Name, name))}";

    private static XElement Tile(string name, string heading, double? average, string below) => Element($"div.{name}",
        Element("span.label", heading),
        Element("span.figure", Format.Percent(average), Element("small", " %")),
        Element("span.label", below));

    private static string Verdict(RunHistory history, Model best)
    {
        if (best.Generation == 0)
            return $"No child is better than {best.Name}, which was admitted: merging gained nothing here.";
        double over = (best.Average - history.BestAdmitted!.Average)!.Value;
        string parents = $"{best.Parents[0]} and {best.Parents[1]}";
        double? ancestor = history.State.Base?.Average;
        string against = ancestor > best.Average
            ? $", but stays {Format.Percent(ancestor - best.Average)} points below the base: "
                + "the family lost more than merging brought back"
            : "";
        return $"{best.Name}, a child of {parents} in generation {best.Generation}, "
            + $"scores {Format.Percent(over)} points more than the best model admitted{against}{Chance(history, best)}.";
    }

    /// <summary>Whether the best's lead may be chance, at the spec's level or the usual one.</summary>
    private static string Chance(RunHistory history, Model best) =>
        history.State.Compare(best.Name, history.BestAdmitted!.Name) is { } comparison
        && comparison.PValue >= (history.Spec.Significance ?? 0.05)
            ? $" ({comparison.Items} items cannot tell that from chance{Format.WithPValue(comparison)})" : "";
}
