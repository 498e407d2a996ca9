using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>From what items scored to one number and its standard error; as in the harness.</summary>
internal static class Aggregate
{
    /// <summary>
    /// One number over all items. Its error is that of a mean, or drawn (perplexity, f1, mcc); of a perplexity a word or byte,
    /// and of bits per byte, the harness gives none.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="metric">One of its metrics.</param>
    /// <param name="filter">One of its filters.</param>
    /// <param name="items">What the model answered.</param>
    /// <param name="draws">Draws of the bootstrap; 0 for no errors at all.</param>
    /// <param name="cancellation">Ends the drawing.</param>
    /// <exception cref="BadInputException">The number is too large to be one.</exception>
    public static MetricResult Over(
        EvaluationTask task,
        MetricSettings metric,
        string filter,
        IReadOnlyList<ItemResult> items,
        int draws,
        CancellationToken cancellation)
    {
        var aggregation = Metrics.Aggregation(metric.Name);
        double[] values = [.. items.Select(item => item.Scores[$"{metric.Name},{filter}"])];
        Func<int[], double>? drawn = aggregation switch
        {
            "perplexity" => places => Math.Exp(-Mean(values, places)),
            "f1" or "matthews_corrcoef" => new Agreement(
                metric.Name, [.. items.Select(item => item.Item.Gold)], [.. values.Select(value => (int)value)]).Over,
            _ => null,
        };
        var value = aggregation switch
        {
            "weighted_perplexity" => Math.Exp(-WeightedMean()),
            "bits_per_byte" => -WeightedMean() / Math.Log(2),
            "mean" => Mean(values),
            _ => drawn!([.. Enumerable.Range(0, items.Count)]),
        };
        if (!double.IsFinite(value))
            throw new BadInputException(task.File, task.Name,
                $"{metric.Name} is {value}; a model to which the rows are less improbable would be right");
        double? error = draws == 0 || items.Count < 2 ? null
            : drawn is not null ? Bootstrap.StandardError(items.Count, draws, drawn, cancellation)
            : aggregation == "mean" ? StandardError(values) : null;
        return new MetricResult(
            metric.Name, filter, value, error is { } finite && double.IsFinite(finite) ? finite : null, metric.HigherIsBetter);

        double WeightedMean() => values.Sum() / items.Sum(item => Metrics.Weight(metric.Name, item.Item, task));
    }

    /// <summary>Sample standard deviation over √n; null for one value.</summary>
    public static double? StandardError(IReadOnlyList<double> values) =>
        values.Count < 2 ? null : Deviation(values) / Math.Sqrt(values.Count);

    /// <summary>Sample standard deviation of at least two values.</summary>
    public static double Deviation(IReadOnlyList<double> values)
    {
        var mean = Mean(values);
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
    }

    /// <summary>
    /// A group's error, of those of its tasks: √(Σ (nᵢ − 1)·nᵢ·eᵢ² / (Σ nᵢ − count) / Σ nᵢ), the pooled
    /// variance; null where one has none.
    /// </summary>
    public static double? PooledError(IReadOnlyList<double?> errors, IReadOnlyList<int> sizes) =>
        errors.Any(error => error is null) ? null
            : Math.Sqrt(errors.Zip(sizes, (error, size) => (size - 1.0) * size * error!.Value * error.Value)
                .Sum() / (sizes.Sum() - sizes.Count) / sizes.Sum());

    private static double Mean(IReadOnlyList<double> values) => values.Sum() / values.Count;

    private static double Mean(double[] values, int[] places)
    {
        double sum = 0;
        foreach (var place in places)
            sum += values[place];
        return sum / places.Length;
    }
}
