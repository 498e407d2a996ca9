namespace Pedigree.Evolution.Statistics;

/// <summary>What is known of the difference of two models on the same items.</summary>
/// <param name="Difference">Mean of the first's scores minus the second's.</param>
/// <param name="PValue">How often chance alone would make a difference as large, if the two were alike.</param>
/// <param name="Test">mcnemar or bootstrap.</param>
public sealed record Comparison(double Difference, double PValue, string Test);

/// <summary>Tests of whether two models differ, item by item: much sharper than two standard errors side by side.</summary>
public static class PairedTests
{
    /// <summary>Resamples of the bootstrap.</summary>
    public const int Resamples = 10_000;

    /// <summary>Compares two models: McNemar's exact test where every score is 0 or 1, else the bootstrap.</summary>
    /// <param name="first">A score an item.</param>
    /// <param name="second">The other's, of the same items in the same order.</param>
    /// <param name="seed">Of the bootstrap; the same seed gives the same answer everywhere.</param>
    /// <exception cref="ArgumentException">There are not equally many items, or none.</exception>
    public static Comparison Compare(IReadOnlyList<double> first, IReadOnlyList<double> second, ulong seed = 0)
    {
        if (first.Count != second.Count || first.Count == 0)
            throw new ArgumentException($"{first.Count} and {second.Count} items cannot be compared in pairs");
        double[] differences = [.. first.Zip(second, (a, b) => a - b)];
        return first.Concat(second).All(score => score is 0 or 1)
            ? new(differences.Average(), McNemar(differences.Count(d => d > 0), differences.Count(d => d < 0)), "mcnemar")
            : new(differences.Average(), Bootstrap(differences, seed), "bootstrap");
    }

    /// <summary>
    /// McNemar's test, exact and two-sided: of the items that one model alone has right, each is as likely the first's as the second's
    /// if they are alike, so that p = min(1, 2·P(X ≤ min)), X binomial with ½.
    /// </summary>
    /// <param name="firstOnly">Items that the first alone has right.</param>
    /// <param name="secondOnly">Items that the second alone has right.</param>
    public static double McNemar(int firstOnly, int secondOnly)
    {
        int n = firstOnly + secondOnly, least = Math.Min(firstOnly, secondOnly);
        double logTerm = -n * Math.Log(2), sum = Math.Exp(logTerm);
        for (int i = 1; i <= least; i++)
        {
            logTerm += Math.Log(n - i + 1) - Math.Log(i);
            sum += Math.Exp(logTerm);
        }
        return Math.Min(1, 2 * sum);
    }

    /// <summary>
    /// Two-sided p of the mean difference being 0: the differences, moved to the mean 0, are drawn again with replacement, and
    /// p = (1 + draws whose mean is as far from 0) / (1 + draws) (Davison and Hinkley 1997, section 4.4).
    /// </summary>
    public static double Bootstrap(IReadOnlyList<double> differences, ulong seed)
    {
        double mean = differences.Average(), limit = Math.Abs(mean) * (1 - 1e-12);
        double[] moved = [.. differences.Select(d => d - mean)];
        SplitMix random = new(seed);
        int asFar = 0;
        for (int draw = 0; draw < Resamples; draw++)
        {
            double sum = 0;
            for (int i = 0; i < moved.Length; i++)
                sum += moved[random.Below(moved.Length)];
            asFar += Math.Abs(sum / moved.Length) >= limit ? 1 : 0;
        }
        return (1.0 + asFar) / (1 + Resamples);
    }

    /// <summary>
    /// Holm's step-down correction (1979) of several p: the smallest times their number, the next times one less, and so on, none below
    /// the one before it. A corrected p below α is a difference, and the chance of any false one among all is below α.
    /// </summary>
    public static IReadOnlyList<double> Holm(IReadOnlyList<double> pValues)
    {
        double[] corrected = new double[pValues.Count];
        double least = 0;
        foreach ((int rank, int place) in Enumerable.Range(0, pValues.Count).OrderBy(place => pValues[place]).Index())
            corrected[place] = least = Math.Max(least, Math.Min(1, (pValues.Count - rank) * pValues[place]));
        return corrected;
    }
}
