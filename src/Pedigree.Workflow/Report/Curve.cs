using System.Xml.Linq;
using Pedigree.Evolution;
using static Pedigree.Workflow.Report.Markup;

namespace Pedigree.Workflow.Report;

/// <summary>Scores, and below them kinship, generation by generation.</summary>
internal static class Curve
{
    private const double Width = 760;
    private const double Left = 56;
    private const double Right = 130;

    public static XElement Of(RunHistory history) => Section("curve", "Generation by generation",
        "Above: the best average, the mean of the k best (S), and a dot for every model made. "
        + "Below: the mean kinship of S; where it passes the threshold, the best models are nearly the same.",
        history.State.Generations.IsEmpty ? null
            : Scrolled(Drawing("Scores and kinship by generation", Width, 430, Content(history))),
        history.State.Generations.IsEmpty ? null : Generations(history));

    private static IEnumerable<XElement> Content(RunHistory history)
    {
        RunState state = history.State;
        int last = state.Generations[^1].Generation;
        double? ancestor = state.Base?.Average;
        Axis scores = Axis.Around(
            state.Population.Select(model => model.Average!.Value).Concat(ancestor is { } level ? [level] : []), 20, 235);
        yield return Grid(scores, last, value => Format.Text($"{100 * value:0.##} %"));
        if (ancestor is { } baseLevel)
            yield return Element("g.level", Line([(Left, scores.At(baseLevel)), (Width - Right, scores.At(baseLevel))]),
                Tip($"base: {Format.Percent(ancestor)} %"));
        foreach (Model model in state.Population)
            yield return Element(
                "circle.dot", Attribute("cx", X(model.Generation, last)), Attribute("cy", scores.At(model.Average!.Value)),
                Attribute("r", 3), Tip($"{model.Name}: {Format.Average(model)} %"));
        yield return Series("top", state.Generations.Select(
            g => (X(g.Generation, last), scores.At(g.TopAverage), $"mean of S: {Format.Percent(g.TopAverage)} %")));
        yield return Series("best", state.Generations.Select(
            g => (X(g.Generation, last), scores.At(g.Best.Average), $"best, {g.Best.Name}: {Format.Percent(g.Best.Average)} %")));
        List<(string Class, string Text, double Y)> legend =
        [
            ("best", $"best {Format.Percent(state.Generations[^1].Best.Average)}", scores.At(state.Generations[^1].Best.Average)),
            ("top", $"mean of S {Format.Percent(state.Generations[^1].TopAverage)}", scores.At(state.Generations[^1].TopAverage)),
        ];
        if (ancestor is { } named)
            legend.Add(("level", $"base {Format.Percent(named)}", scores.At(named)));
        foreach (XElement label in Legend(legend))
            yield return label;

        double? threshold = history.Spec.Stop.Kinship;
        List<(double X, double Value)> kinship =
            [.. state.Generations.Where(g => g.MeanKinship is not null)
                .Select(g => (X(g.Generation, last), g.MeanKinship!.Value))];
        if (kinship.Count == 0)
            yield break;
        bool distance = history.Spec.Kinship.Measure == KinshipMeasure.Euclidean;
        Axis similarity = Axis.Around(kinship.Select(point => point.Value).Append(0).Append(distance ? 0 : 1)
            .Concat(threshold is { } limit ? [limit] : []), 290, 395);
        yield return Grid(similarity, last, value => Format.Text($"{value:0.##}"));
        yield return Series("kin",
            kinship.Select(point => (point.X, similarity.At(point.Value), $"mean kinship of S: {Format.Kinship(point.Value)}")));
        List<(string Class, string Text, double Y)> below =
            [("kin", $"kinship {Format.Kinship(kinship[^1].Value)}", similarity.At(kinship[^1].Value))];
        if (threshold is { } stop)
        {
            yield return Element("g.level", Line([(Left, similarity.At(stop)), (Width - Right, similarity.At(stop))]),
                Tip($"threshold {Format.Kinship(stop)}"));
            below.Add(("level", Format.Text($"threshold {stop:0.##}"), similarity.At(stop)));
        }
        foreach (XElement label in Legend(below))
            yield return label;
        for (int generation = 0; generation <= last; generation++)
            yield return Label(
                "tick.middle", X(generation, last), 415, generation == 0 ? "admitted" : Format.Text($"{generation}"));
    }

    private static double X(int generation, int last) =>
        Left + 24 + (Width - Left - Right - 48) * (last == 0 ? 0.5 : (double)generation / last);

    private static XElement Grid(Axis axis, int last, Func<double, string> text) => Element("g.grid",
        axis.Ticks.Select(tick => Element("g", Line([(Left, axis.At(tick)), (Width - Right, axis.At(tick))]),
            Label("tick.end", Left - 8, axis.At(tick) + 4, text(tick)))),
        Enumerable.Range(0, last + 1)
            .Select(generation => Line([(X(generation, last), axis.Top), (X(generation, last), axis.Bottom)])));

    private static XElement Series(string name, IEnumerable<(double X, double Y, string Tip)> points)
    {
        List<(double X, double Y, string Tip)> all = [.. points];
        return Element($"g.series.{name}", Line(all.Select(point => (point.X, point.Y))), all.Select(point => Element("circle",
            Attribute("cx", point.X), Attribute("cy", point.Y), Attribute("r", 4), Tip(point.Tip))));
    }

    private static XElement Line(IEnumerable<(double X, double Y)> points) => Element("polyline",
        Attribute("points", string.Join(' ', points.Select(point => Format.Text($"{point.X:0.##},{point.Y:0.##}")))));

    /// <summary>The names at the right end of their lines, moved apart where they would overlap.</summary>
    private static IEnumerable<XElement> Legend(IEnumerable<(string Class, string Text, double Y)> labels)
    {
        double lowest = double.NegativeInfinity;
        foreach ((string name, string text, double y) in labels.OrderBy(label => label.Y))
        {
            lowest = Math.Max(y, lowest + 17);
            yield return Label($"legend.{name}", Width - Right + 8, lowest + 4, text);
        }
    }

    private static XElement Generations(RunHistory history) => Table(
        [
            Element("th", "generation"), Element("th", "best model"), Element("th.number", "best"),
            Element("th.number", "mean of S"),
            Element("th.number", "mean kinship"), Element("th.number", "mean gain"), Element("th", "stage"),
            Element("th.number", "merges"), Element("th.number", "evaluations"),
        ],
        history.State.Generations.Select(g => Element("tr",
            Element("th", g.Generation == 0 ? "admitted" : Format.Text($"{g.Generation}")), Element("td", g.Best.Name),
            Element("td.number", Format.Percent(g.Best.Average)), Element("td.number", Format.Percent(g.TopAverage)),
            Element("td.number", Format.Kinship(g.MeanKinship)),
            Element(g.Gain < 0 ? "td.number.loss" : "td.number.won", Format.Points(g.Gain)),
            Element("td", Format.Name(g.Stage)),
            Element("td.number", Format.Text($"{g.Merges}")), Element("td.number", Format.Text($"{g.Evaluations}")))));
}
