using System.Globalization;
using Pedigree.Evolution;

namespace Pedigree.Workflow.Report;

/// <summary>Numbers and words as people read them.</summary>
public static class Format
{
    /// <summary>A score in percent with two decimals, or a dash.</summary>
    public static string Percent(double? score) => score is { } value ? Text($"{100 * value:0.00}") : "–";

    /// <summary>A difference of scores in points, with its sign, or a dash.</summary>
    public static string Points(double? difference) => difference is { } value ? Text($"{100 * value:+0.00;−0.00;0.00}") : "–";

    /// <summary>A kinship with three decimals, or a dash.</summary>
    public static string Kinship(double? kinship) =>
        kinship is { } value ? Text($"{(value < -0.0005 ? "−" : "")}{Math.Abs(value):0.000}") : "–";

    /// <summary>A p-value with four decimals, or a dash.</summary>
    public static string PValue(double? p) => p switch
    {
        null => "–",
        < 0.00005 => "< 0.0001",
        { } value => Text($"{value:0.0000}"),
    };

    /// <summary>"p = 0.0123", or "p &lt; 0.0001".</summary>
    public static string EqualsP(double p) => PValue(p) is ['<', ..] less ? $"p {less}" : $"p = {PValue(p)}";

    /// <summary>", p = 0.0123" of two models that were compared; nothing of others.</summary>
    public static string WithPValue(ModelComparison? comparison) => comparison is null ? "" : $", {EqualsP(comparison.PValue)}";

    /// <summary>A model's average, marked where it is an estimate.</summary>
    public static string Average(Model model) => $"{(model.Partial is null ? "" : "≈ ")}{Percent(model.Average)}";

    /// <summary>A count with thin spaces between the thousands.</summary>
    public static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture).Replace(',', '\u2009');

    /// <summary>"1 merge", "2 merges".</summary>
    public static string Plural(int count, string one) => Text($"{count} {one}{(count == 1 ? "" : "s")}");

    /// <summary>The run's measure by its usual name.</summary>
    public static string Name(KinshipMeasure measure) => measure switch
    {
        KinshipMeasure.Pearson => "Pearson correlation",
        KinshipMeasure.Cosine => "cosine similarity",
        _ => "Euclidean distance",
    };

    /// <summary>A stage in a word.</summary>
    public static string Name(Stage stage) => stage == Stage.Learning ? "learning" : "saturation";

    /// <summary>A purpose in a word.</summary>
    public static string Name(Purpose purpose) => purpose == Purpose.Explore ? "explore" : "exploit";

    /// <summary>Text that does not depend on the machine's language.</summary>
    public static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
