namespace Pedigree.Evolution.Statistics;

/// <summary>A task of which a model was asked some items.</summary>
/// <param name="Scores">Its scores of these.</param>
/// <param name="Yardsticks">What it is measured by: the rival, whom it has to pass, first.</param>
/// <param name="Items">All items of the task.</param>
/// <param name="Weight">The task's weight in the average.</param>
public sealed record PartlyAsked(IReadOnlyList<double> Scores, IReadOnlyList<Yardstick> Yardsticks, int Items, double Weight);

/// <summary>What scored all items of a task, a model or the mean of several: the control variate of an estimate.</summary>
/// <param name="Seen">Its scores of the items asked, in the same order.</param>
/// <param name="Mean">Its mean over all items.</param>
public sealed record Yardstick(IReadOnlyList<double> Seen, double Mean);

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
    /// The parts in which a task's items are asked, each a list of their places: after each but the last there is a look. Of a
    /// task with fewer than ten items some parts are empty.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<int>> Parts(int items, ulong seed)
    {
        IReadOnlyList<int> order = Order(items, seed);
        return [.. Enumerable.Range(0, PartCount).Select(part =>
            order.Take((items * part / PartCount)..(items * (part + 1) / PartCount)).Order().ToList())];
    }

    /// <summary>
    /// Whether, with the confidence asked for, the model's average over all items would stay below the rival's. In a task of N
    /// items the model's mean is estimated as the yardstick's mean over all of them plus the mean of the differences of the two
    /// on the n items asked (a control variate). As these are drawn without replacement, the standard error is s·√((1 − n/N)/n),
    /// s that of the differences. The average adds the tasks up by their weights; the model has fallen behind where estimate +
    /// z·error lies below the rival's average. z allows for all looks together (Bonferroni). Of several yardsticks the one that
    /// leaves the least error is taken: one that is like the model, or that tells how hard an item is.
    /// </summary>
    /// <param name="tasks">What was seen so far.</param>
    /// <param name="confidence">For example 0.99: the chance of giving up a model that would have passed is below 0.01.</param>
    /// <returns>The estimate of its mean in each task, where it falls behind; null where it may still pass.</returns>
    public static IReadOnlyList<double>? FallenBehind(IReadOnlyList<PartlyAsked> tasks, double confidence)
    {
        int asked = tasks.Sum(task => task.Scores.Count);
        if (asked < FewestItems || tasks.Any(task => task.Scores.Count < 2) || asked >= tasks.Sum(task => task.Items))
            return null;
        (double[] estimates, double variance) = Enumerable.Range(0, tasks[0].Yardsticks.Count)
            .Select(number => Measured(tasks, number)).MinBy(measured => measured.Variance);
        double lead = tasks.Zip(estimates, (task, estimate) => task.Weight * (estimate - task.Yardsticks[0].Mean)).Sum();
        return lead + NormalQuantile(1 - (1 - confidence) / Looks) * Math.Sqrt(variance) < 0 ? estimates : null;
    }

    private static (double[] Estimates, double Variance) Measured(IReadOnlyList<PartlyAsked> tasks, int number)
    {
        double[] estimates = new double[tasks.Count];
        double variance = 0;
        foreach ((int place, PartlyAsked task) in tasks.Index())
        {
            int n = task.Scores.Count;
            double[] differences = [.. task.Scores.Zip(task.Yardsticks[number].Seen, (own, other) => own - other)];
            double mean = differences.Average();
            estimates[place] = task.Yardsticks[number].Mean + mean;
            variance += task.Weight * task.Weight * differences.Sum(d => (d - mean) * (d - mean)) / (n - 1)
                * (1 - (double)n / task.Items) / n;
        }
        return (estimates, variance);
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
