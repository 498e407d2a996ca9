using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Grams;

/// <summary>An open checkpoint under the digest by which its row is kept.</summary>
/// <param name="Digest">Names the content; any unique name does where nothing is kept.</param>
/// <param name="Checkpoint">The weights.</param>
public sealed record Relative(string Digest, Checkpoint Checkpoint);

/// <summary>Measures rows: one pass over the weights, whatever the number of pairs.</summary>
public static class KinshipPass
{
    /// <summary>
    /// The row of each model of <paramref name="added"/>, with its products with all of <paramref name="known"/> and
    /// <paramref name="added"/>. The known models' products among themselves are not computed again. Without an ancestor
    /// (<paramref name="origin"/> null) the products are those of the weights themselves.
    /// </summary>
    /// <param name="origin">The base.</param>
    /// <param name="known">Models measured before.</param>
    /// <param name="added">Models to measure.</param>
    /// <param name="threads">0: as many as there are cores. The result does not depend on it.</param>
    /// <param name="progress">Receives the fraction done.</param>
    /// <param name="cancellation">Ends the pass between two blocks.</param>
    /// <exception cref="BadInputException">
    /// Models that differ in tensors or shapes or have no weights to compare, a NaN or infinite weight, or an added
    /// model that equals the base.
    /// </exception>
    public static IReadOnlyList<GramRow> Measure(
        Relative? origin, IReadOnlyList<Relative> known, IReadOnlyList<Relative> added,
        int threads = 0, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var rows = Products(origin, known, added, null, threads, progress, cancellation);
        if (rows is [{ Tensors.Count: 0 }, ..])
            throw new BadInputException(added[0].Checkpoint.Address, null,
                "has no tensor of type BF16, F16 or F32; kinship is that of such weights");
        for (var i = 0; i < rows.Count; i++)
            if (origin is not null && rows[i].DeltaDelta.All(product => product == 0))
                throw new BadInputException(added[i].Checkpoint.Address, null,
                    $"has the same weights as the base {origin.Checkpoint.Address}; give a model that was trained further");
        return rows;
    }

    /// <summary>The same for merging, where a model may equal the base, of some of the tensors; null: of all.</summary>
    internal static IReadOnlyList<GramRow> Products(
        Relative? origin, IReadOnlyList<Relative> known, IReadOnlyList<Relative> added, IReadOnlyList<string>? names,
        int threads, IProgress<double>? progress, CancellationToken cancellation)
    {
        if (added.Count == 0)
            return [];
        IReadOnlyList<Relative> models = [.. known, .. added];
        var reference = (origin ?? models[0]).Checkpoint;
        foreach (var model in models)
            CheckpointCompatibility.Require(reference, model.Checkpoint);
        RequireDistinct(models);
        var sums = GramPass.Run(
            origin?.Checkpoint, [.. models.Select(model => model.Checkpoint)], known.Count, names
                ?? reference.MergedTensors, threads, progress, cancellation);
        return [.. added.Select((_, i) => Row(origin, models, known.Count + i, sums))];
    }

    /// <exception cref="BadInputException">Two are the same.</exception>
    internal static void RequireDistinct(IEnumerable<Relative> models)
    {
        foreach (var twice in models.GroupBy(model => model.Digest).Where(group => group.Count() > 1))
            throw new BadInputException(twice.Last().Checkpoint.Address, null,
                $"is the same model as {twice.First().Checkpoint.Address}; give each model once");
    }

    private static GramRow Row(Relative? origin, IReadOnlyList<Relative> models, int model, GramSums sums) =>
        new()
        {
            Base = origin?.Digest,
            Model = models[model].Digest,
            Measured = true,
            Tensors = sums.Tensors,
            Counts = sums.Counts,
            BaseBase = sums.Product(0, 0),
            BaseSum = sums.Sum(0),
            DeltaBase = sums.Product(model + 1, 0),
            DeltaDelta = sums.Product(model + 1, model + 1),
            DeltaSum = sums.Sum(model + 1),
            Others = new SortedDictionary<string, IReadOnlyList<double>>(
                Enumerable.Range(0, models.Count).Where(other => other != model).ToDictionary(
                    other => models[other].Digest,
                    other => (IReadOnlyList<double>)sums.Product(model + 1, other + 1)),
                StringComparer.Ordinal),
        };
}
