namespace Pedigree.Weights.Methods;

/// <summary>Weights of models, divided by their sum where a parameter says so.</summary>
internal static class Shares
{
    // What float64 leaves of weights that cancel out, as 0.1, 0.2 and −0.3, is no sum.
    private const double Rest = 1e-12;

    /// <param name="parameters">The method's, with <c>weight</c>.</param>
    /// <param name="flag">The one that says so.</param>
    /// <exception cref="ArgumentException">The weights have no sum that can be divided by.</exception>
    public static double[] Of(IReadOnlyDictionary<string, double[]> parameters, string flag)
    {
        var weights = parameters["weight"];
        if (parameters[flag][0] == 0)
            return weights;
        var sum = weights.Sum();
        return double.IsFinite(sum) && Math.Abs(sum) > Rest * weights.Sum(Math.Abs) ? [.. weights.Select(weight => weight / sum)]
            : throw new ArgumentException(
                $"the weights sum to {(double.IsFinite(sum) ? "0" : "infinity")} and cannot be normalized; "
                + $"change them or set `{flag}: false`");
    }
}
