namespace Pedigree.Workflow.Report;

/// <summary>
/// A vertical scale with round ticks, from <paramref name="Low"/> at the bottom to <paramref name="High"/> at the top.
/// </summary>
internal sealed record Axis(double Low, double High, double Step, double Top, double Bottom)
{
    /// <summary>The tightest axis with about five round steps that holds all the values.</summary>
    public static Axis Around(IEnumerable<double> values, double top, double bottom)
    {
        double[] all = [.. values];
        (double least, double most) = (all.Min(), all.Max());
        double rough = Math.Max(most - least, 1e-3) / 5;
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        double step = power * (rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 };
        return new Axis(Math.Floor(least / step + 1e-9) * step,
            Math.Ceiling(most / step - 1e-9) * step + (most - least < 1e-12 ? step : 0), step, top, bottom);
    }

    /// <summary>The height at which a value is drawn.</summary>
    public double At(double value) => Bottom - (value - Low) / (High - Low) * (Bottom - Top);

    /// <summary>The round values, lowest first.</summary>
    public IEnumerable<double> Ticks =>
        Enumerable.Range(0, (int)Math.Round((High - Low) / Step) + 1).Select(tick => Low + tick * Step);
}
