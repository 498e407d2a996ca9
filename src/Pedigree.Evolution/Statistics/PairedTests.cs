namespace Pedigree.Evolution.Statistics;

/// <summary>What is known of the difference of two models on the same items.</summary>
/// <param name="Difference">Mean of the first's scores minus the second's.</param>
/// <param name="PValue">How often chance alone would make a difference as large, if the two were alike.</param>
/// <param name="Test">mcnemar or bootstrap.</param>
public sealed record Comparison(double Difference, double PValue, string Test);

/// <summary>Two models' scores of the same items of one task.</summary>
/// <param name="First">The first's.</param>
/// <param name="Second">The second's, in the same order.</param>
/// <param name="Weight">The task's weight in the average.</param>
public sealed record PairedItems(IReadOnlyList<double> First, IReadOnlyList<double> Second, double Weight)
{
    /// <summary>First minus second, item by item.</summary>
    public double[] Differences { get; } = [.. First.Zip(Second, (a, b) => a - b)];

    /// <summary>Whether every score is 0 or 1.</summary>
    public bool IsAccuracy => First.Concat(Second).All(score => score is 0 or 1);
}

/// <summary>Tests of whether two models differ, item by item: much sharper than two standard errors side by side.</summary>
public static class PairedTests
{
    /// <summary>Resamples of the bootstrap.</summary>
    public const int Resamples = 10_000;

    /// <summary>Compares two models in one task.</summary>
    /// <param name="first">A score an item.</param>
    /// <param name="second">The other's, of the same items in the same order.</param>
    /// <param name="seed">Of the bootstrap; the same seed gives the same answer everywhere.</param>
    /// <exception cref="ArgumentException">There are not equally many items, or none.</exception>
    public static Comparison Compare(IReadOnlyList<double> first, IReadOnlyList<double> second, ulong seed = 0) =>
        Compare([new PairedItems(first, second, 1)], seed);

    /// <summary>
    /// Compares two models' averages over several tasks: McNemar's exact test where every score is 0 or 1 and all items weigh
    /// alike, else the bootstrap, in which each task's items are drawn by themselves.
    /// </summary>
    /// <exception cref="ArgumentException">There are not equally many items, or none.</exception>
    public static Comparison Compare(IReadOnlyList<PairedItems> tasks, ulong seed = 0)
    {
        if (tasks.FirstOrDefault(task => task.First.Count != task.Second.Count || task.First.Count == 0) is { } odd)
            throw new ArgumentException($"{odd.First.Count} and {odd.Second.Count} items cannot be compared in pairs");
        double whole = tasks.Sum(task => task.Weight), each = tasks[0].Weight / tasks[0].First.Count;
        List<(double[] Differences, double Weight)> parts = [.. tasks.Select(task => (task.Differences, task.Weight / whole))];
        double difference = parts.Sum(part => part.Weight * part.Differences.Average());
        if (!tasks.All(task => task.IsAccuracy && Math.Abs(task.Weight / task.First.Count - each) <= 1e-12 * each))
            return new(difference, Bootstrap(parts, seed), "bootstrap");
        int firstOnly = parts.Sum(part => part.Differences.Count(d => d > 0));
        int secondOnly = parts.Sum(part => part.Differences.Count(d => d < 0));
        return new(difference, McNemar(firstOnly, secondOnly), "mcnemar");
    }

    /// <summary>
    /// McNemar's test, exact and two-sided: of the items that one model alone has right, each is as likely the first's as the
    /// second's if they are alike, so that p = min(1, 2·P(X ≤ min)), X binomial with ½.
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
    /// p = (1 + draws whose mean is as far from 0) / (1 + draws) (Davison and Hinkley 1997, section 4.4). Of several parts each
    /// is moved and drawn by itself, and the weighted sum of their means counts.
    /// </summary>
    /// <param name="parts">Differences item by item, and weights, of which the sum is 1.</param>
    /// <param name="seed">Of the draws.</param>
    public static double Bootstrap(IReadOnlyList<(double[] Differences, double Weight)> parts, ulong seed)
    {
        double limit = Math.Abs(parts.Sum(part => part.Weight * part.Differences.Average())) * (1 - 1e-12);
        List<(double[] Moved, double Weight)> moved =
            [.. parts.Select(part => (Moved(part.Differences), part.Weight / part.Differences.Length))];
        SplitMix random = new(seed);
        int asFar = 0;
        for (int draw = 0; draw < Resamples; draw++)
        {
            double mean = 0;
            foreach ((double[] values, double weight) in moved)
            {
                double sum = 0;
                for (int i = 0; i < values.Length; i++)
                    sum += values[random.Below(values.Length)];
                mean += weight * sum;
            }
            asFar += Math.Abs(mean) >= limit ? 1 : 0;
        }
        return (1.0 + asFar) / (1 + Resamples);
    }

    private static double[] Moved(double[] differences)
    {
        double mean = differences.Average();
        return [.. differences.Select(d => d - mean)];
    }

    /// <summary>
    /// Holm's step-down correction (1979) of several p: the smallest times their number, the next times one less, and so on, none
    /// below the one before it. A corrected p below α is a difference, and the chance of any false one among all is below α.
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
