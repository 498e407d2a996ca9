namespace Pedigree.Evolution.Statistics;

/// <summary>
/// Whether a model must be asked all items: one that falls clearly behind the model it would have to pass is not worth the rest.
/// Items are asked in an order of chance; after every tenth part of them the differences so far are looked at.
/// </summary>
public static class SequentialTest
{
    /// <summary>Looks at most, the last one at nine tenths.</summary>
    private const int Looks = 9;

    /// <summary>In how many parts items are asked.</summary>
    public const int PartCount = Looks + 1;

    /// <summary>Items before the first look at least: below that a mean is not yet normal.</summary>
    private const int FewestItems = 20;

    /// <summary>An order of the items that follows from the seed alone, so that every model is asked in the same one.</summary>
    public static IReadOnlyList<int> Order(int items, ulong seed)
    {
        int[] order = [.. Enumerable.Range(0, items)];
        SplitMix random = new(seed);
        for (int i = items - 1; i > 0; i--)
        {
            int j = random.Below(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    /// <summary>
    /// The parts in which a task's items are asked, each a list of their places: after each but the last there is a look. Of a task with
    /// fewer than ten items some parts are empty.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<int>> Parts(int items, ulong seed)
    {
        IReadOnlyList<int> order = Order(items, seed);
        return [.. Enumerable.Range(0, PartCount).Select(part => order.Take((items * part / PartCount)..(items * (part + 1) / PartCount)).Order().ToList())];
    }

    /// <summary>
    /// Whether, with the confidence asked for, the model's average over all items would stay below the rival's. The mean difference of all
    /// N items of a task lies around m, that of the n seen (drawn without replacement), with the standard error s·√((1 − n/N)/n); the
    /// average adds up the tasks' by their weights, and lies below m + z·error. z allows for all looks together.
    /// </summary>
    /// <param name="seen">Scores of the items asked so far, the model's and the rival's, task by task.</param>
    /// <param name="items">N, all items of each task.</param>
    /// <param name="confidence">For example 0.99: the chance of giving up a model that would have passed is below 0.01.</param>
    public static bool FallsBehind(IReadOnlyList<PairedItems> seen, IReadOnlyList<int> items, double confidence)
    {
        if (seen.Sum(task => task.First.Count) < FewestItems || seen.Any(task => task.First.Count < 2) || seen.Sum(task => task.First.Count) >= items.Sum())
            return false;
        double mean = 0, variance = 0;
        foreach ((PairedItems task, int all) in seen.Zip(items))
        {
            int n = task.First.Count;
            double taskMean = task.Differences.Average();
            mean += task.Weight * taskMean;
            variance += task.Weight * task.Weight * task.Differences.Sum(d => (d - taskMean) * (d - taskMean)) / (n - 1) * (1 - (double)n / all) / n;
        }
        return mean + NormalQuantile(1 - (1 - confidence) / Looks) * Math.Sqrt(variance) < 0;
    }

    /// <summary>The number below which a standard normal variable lies with probability p: found by bisection.</summary>
    public static double NormalQuantile(double p)
    {
        (double low, double high) = (-10, 10);
        for (int i = 0; i < 60; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = Normal(middle) < p ? (middle, high) : (low, middle);
        }
        return (low + high) / 2;
    }

    /// <summary>Φ(x) = ½ + φ(x)·Σ x^(2k+1)/(1·3·5···(2k+1)) (Marsaglia 2004).</summary>
    private static double Normal(double x)
    {
        if (Math.Abs(x) > 8)
            return x > 0 ? 1 : 0;
        double sum = x, term = x;
        for (int k = 3; Math.Abs(term) > 1e-17; k += 2)
            sum += term *= x * x / k;
        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }
}
