using System.Xml.Linq;
using Pedigree.Evolution;
using static Pedigree.Workflow.Report.Markup;

namespace Pedigree.Workflow.Report;

/// <summary>The pedigree of all models: generations from left to right, parents joined where their child begins.</summary>
internal static class FamilyTree
{
    private const double NodeHeight = 38;
    private const double RowHeight = 54;
    private const double Top = 34;
    private const double Between = 118;

    public static XElement Of(RunHistory history) => Section("family", "Family tree",
        "Each child is joined to its two parents; the number where they meet is the parents' kinship. "
        + "A solid line exploits (both are among the best), "
            + "a dashed one explores (the best with one little related to it). Highlighted: the best model and its ancestors.",
        history.State.Models.IsEmpty ? null : Scrolled(Tree(history)));

    private static XElement Tree(RunHistory history)
    {
        Dictionary<string, (double X, double Y)> places = [];
        double nodeWidth = Math.Max(92, 24 + 8 * history.State.Models.Keys.Max(name => name.Length));
        List<IGrouping<int, Model>> generations = [.. history.InOrder.GroupBy(model => model.Generation)];
        double height = Top + RowHeight * generations.Max(group => group.Count());
        List<XElement> headings = [];
        for (int index = 0; index < generations.Count; index++)
        {
            double x = 2 + index * (nodeWidth + Between);
            headings.Add(
                Label("heading", x, 16, generations[index].Key == 0 ? "admitted" : $"generation {generations[index].Key}"));
            Place(generations[index], x, height, places);
        }
        Mating[] pairs = [.. history.Decisions.SelectMany(made => made.Pairs).Where(pair => places.ContainsKey(pair.Child))];
        // What is highlighted is drawn last, over the rest.
        IEnumerable<XElement> edges = pairs.OrderBy(pair => history.BestLine.Contains(pair.Child))
            .Select(pair => Edges(pair, places, nodeWidth, history.BestLine.Contains(pair.Child)));
        double width = places.Values.Max(place => place.X) + nodeWidth + 2;
        return Drawing("Family tree", width, height,
            [.. headings, .. edges, .. history.InOrder.Select(model => Node(history, model, places, nodeWidth))]);
    }

    /// <summary>A column, each child as near as can be to the height of its parents, so that few lines cross.</summary>
    private static void Place(
        IEnumerable<Model> generation, double x, double height, Dictionary<string, (double X, double Y)> places)
    {
        List<Model> column = [.. generation];
        if (column[0].Generation > 0)
            column = [.. column.OrderBy(model => model.Parents.Average(parent => places[parent].Y)).ThenBy(
                model => model.Name, StringComparer.Ordinal)];
        double first = Top + (height - Top - column.Count * RowHeight) / 2;
        for (int row = 0; row < column.Count; row++)
            places[column[row].Name] = (x, first + row * RowHeight);
    }

    private static XElement Edges(
        Mating pair, Dictionary<string, (double X, double Y)> places, double nodeWidth, bool highlighted)
    {
        (double X, double Y) child = (places[pair.Child].X, places[pair.Child].Y + NodeHeight / 2);
        double joint = child.X - 14;
        string purpose = Format.Name(pair.Purpose);
        return Element(highlighted ? $"g.edge.{purpose}.line" : $"g.edge.{purpose}",
            new[] { pair.First, pair.Second }.Select(parent =>
            {
                (double x, double y) = (places[parent].X + nodeWidth, places[parent].Y + NodeHeight / 2);
                double bend = Math.Min(90, (joint - x) / 2);
                return Element("path", Attribute("d", Format.Text(
                    $"M{x:0.#} {y:0.#}C{x + bend:0.#} {y:0.#} {joint - bend:0.#} {child.Y:0.#} {joint:0.#} {child.Y:0.#}")));
            }),
            Element("path.solid", Attribute("d", Format.Text($"M{joint:0.#} {child.Y:0.#}H{child.X:0.#}"))),
            Element("circle", Attribute("cx", joint), Attribute("cy", child.Y), Attribute("r", 3)),
            Label("kinship", joint - 1, child.Y - 7, Format.Kinship(pair.Kinship)),
            Tip($"{pair.First} × {pair.Second} → {pair.Child} ({purpose}, "
                + $"kinship {Format.Kinship(pair.Kinship)}): {pair.Reason}"));
    }

    private static XElement Node(
        RunHistory history, Model model, Dictionary<string, (double X, double Y)> places, double nodeWidth)
    {
        (double x, double y) = places[model.Name];
        string kind = model == history.Best ? "g.node.line.winner"
            : history.BestLine.Contains(model.Name) ? "g.node.line"
            : "g.node";
        return Element(kind,
            Element("rect", Attribute("x", x), Attribute("y", y), Attribute("width", nodeWidth), Attribute("height", NodeHeight),
                Attribute("rx", 7)),
            Label("name", x + 11, y + 16, model.Name),
            Label("average", x + 11, y + 31, $"{Format.Average(model)} %"),
            Tip($"{model.Name}: {Format.Average(model)} %"));
    }
}
