using System.Xml.Linq;
using Pedigree.Evolution;
using static Pedigree.Workflow.Report.Markup;

namespace Pedigree.Workflow.Report;

/// <summary>Kinship of all models with all.</summary>
internal static class KinshipMap
{
    /// <summary>Beyond so many models the cells are too small for numbers.</summary>
    private const int MostWithNumbers = 24;

    public static XElement Of(RunHistory history)
    {
        KinshipMeasure measure = history.Spec.Kinship.Measure;
        IReadOnlyList<Model> models = history.InOrder;
        return Section("kinship", "Kinship",
            $"The {Format.Name(measure)} of what each model learned since the base (its δ). "
            + "The stronger the colour, the more alike; "
                + (measure == KinshipMeasure.Euclidean
                    ? "a distance of 0 is the same model."
                    : "1 is the same direction, 0 unrelated, below 0 opposed."),
            models.Count == 0 ? null : Scrolled(Map(history.State, models, measure)));
    }

    private static XElement Map(RunState state, IReadOnlyList<Model> models, KinshipMeasure measure)
    {
        bool numbers = models.Count <= MostWithNumbers;
        double cell = numbers ? 38 : 18;
        double margin = 14 + 7.2 * models.Max(model => model.Name.Length);
        double farthest = state.Kinships.Values.Select(value => value.Euclidean).DefaultIfEmpty(1).Max();
        List<XElement> content = [];
        for (int row = 0; row < models.Count; row++)
        {
            double along = margin + row * cell;
            content.Add(Label("end", margin - 8, along + cell / 2 + 4, models[row].Name));
            content.Add(Element("text",
                Attribute("transform", Format.Text($"translate({along + cell / 2 + 4:0.##} {margin - 8:0.##}) rotate(-90)")),
                models[row].Name));
            for (int column = 0; column < models.Count; column++)
                content.Add(
                    Cell(state, models[row], models[column], measure, farthest, along, margin + column * cell, cell, numbers));
        }
        double size = margin + models.Count * cell + 2;
        return Drawing($"Kinship of {models.Count} models", size, size, content);
    }

    private static XElement Cell(
        RunState state, Model row, Model column, KinshipMeasure measure, double farthest, double y, double x, double cell,
        bool numbers)
    {
        double? value = state.Kinship(measure, row.Name, column.Name);
        double strength = value is not { } given ? 0 : measure == KinshipMeasure.Euclidean ? 1 - given / farthest : given;
        return Element("g",
            Element(strength < 0 ? "rect.opposed" : "rect.related", Attribute("x", x + 1), Attribute("y", y + 1),
                Attribute("width", cell - 2), Attribute("height", cell - 2), Attribute("rx", 3),
                Attribute("fill-opacity", 0.06 + 0.94 * Math.Min(1, Math.Abs(strength)))),
            Tip($"{row.Name} × {column.Name}: {Format.Kinship(value)}"),
            numbers && row.Name != column.Name
                ? Label(Math.Abs(strength) > 0.55 ? "cell.strong" : "cell", x + cell / 2, y + cell / 2 + 4, Short(value)) : null);
    }

    /// <summary>Two decimals fit a cell; a zero before the point does not.</summary>
    private static string Short(double? value) => value is not { } number ? "–"
        : Format.Text($"{number:0.00}").Replace("-0.00", "0.00", StringComparison.Ordinal)
            .Replace("0.", ".", StringComparison.Ordinal).Replace('-', '−');
}
