using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Merging;

/// <summary>Carries out recipes.</summary>
public static class Merger
{
    private static readonly IReadOnlyDictionary<string, double[]> NoParameters = new Dictionary<string, double[]>();

    /// <summary>
    /// Writes the child of <paramref name="recipe"/> to <paramref name="folder"/>, which must not exist: whole or not at all. Its
    /// bytes depend on the recipe alone. Until it is whole it lies beside the folder, under the recipe's digest, where
    /// the same call finds what was finished before the process died. Two at once would be in each other's way: the
    /// caller sees to it that there is one.
    /// </summary>
    /// <param name="recipe">What to make.</param>
    /// <param name="parents">The parents, in the recipe's order and under its digests.</param>
    /// <param name="ancestor">The recipe's ancestor; needed where rows are, and where it is the origin.</param>
    /// <param name="rows">The parents' measured rows; null, or lacking a pair: measured first, if the method needs them.</param>
    /// <param name="folder">Where to write.</param>
    /// <param name="threads">0: as many as there are cores. The result does not depend on it.</param>
    /// <param name="progress">Receives the fraction done.</param>
    /// <param name="cancellation">
    /// Ends the merge between two blocks; the same call goes on from the shards that were finished.
    /// </param>
    /// <returns>The child's files; its content digest.</returns>
    /// <exception cref="BadInputException">
    /// The folder exists, the parents do not fit each other or the recipe, a weight is not finite, or the disk is full.
    /// </exception>
    public static CheckpointManifest Merge(
        MergeRecipe recipe, IReadOnlyList<Relative> parents, Relative? ancestor, IReadOnlyList<GramRow>? rows, string folder,
        int threads = 0, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        if (!parents.Select(parent => parent.Digest).SequenceEqual(recipe.Parents))
            throw new ArgumentException("The parents are not those of the recipe.", nameof(parents));
        MergePart whole = new(recipe, parents, ancestor) { Rows = rows };
        return Merge(recipe, [whole], SmallFiles.Of(recipe, parents, ancestor), folder, threads, progress, cancellation);
    }

    /// <summary>Where a child lies until it is whole.</summary>
    public static string PartialFolder(string folder, string digest) => $"{folder}.{digest}.partial";

    /// <summary>The same of parts that were planned apart.</summary>
    internal static CheckpointManifest Merge(
        MergeRecipe recipe, IReadOnlyList<MergePart> parts, SmallFiles small, string folder, int threads,
        IProgress<double>? progress, CancellationToken cancellation, long maxShardSize = CheckpointWriter.DefaultMaxShardSize)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Path.Exists(folder))
            throw new BadInputException(folder, null, "exists already; name a folder that does not");
        TensorMerge[] tensors = [.. parts.SelectMany(
            part => Plan(part.Recipe, part.Parents, part.Ancestor, part.Rows, threads, cancellation, hold: true))];
        return Write(recipe, tensors, small, folder, writer => Write(tensors, writer, threads, progress, cancellation),
            cancellation, maxShardSize);
    }

    /// <summary>Writes a child whose tensors <paramref name="fill"/> writes, whole or not at all.</summary>
    internal static CheckpointManifest Write(
        MergeRecipe recipe, IReadOnlyList<TensorMerge> tensors, SmallFiles small, string folder, Action<CheckpointWriter> fill,
        CancellationToken cancellation, long maxShardSize = CheckpointWriter.DefaultMaxShardSize)
    {
        using var writer = new CheckpointWriter(PartialFolder(folder, recipe.Digest),
            [.. tensors.Select(tensor => tensor.Planned)], maxShardSize, resume: true);
        try
        {
            fill(writer);
            ChildDescription.Write(writer, recipe, small, tensors);
            cancellation.ThrowIfCancellationRequested();
            return writer.Complete(folder);
        }
        catch (OperationCanceledException)
        {
            writer.Suspend();
            throw;
        }
    }

    /// <summary>What to write for each tensor of the first parent.</summary>
    /// <param name="hold">
    /// Whether coefficients that are not known may be found later, tensor by tensor (<see cref="HeldWriter"/>).
    /// </param>
    internal static IReadOnlyList<TensorMerge> Plan(
        MergeRecipe recipe, IReadOnlyList<Relative> parents, Relative? ancestor, IReadOnlyList<GramRow>? rows, int threads,
        CancellationToken cancellation, bool hold = false)
    {
        var first = parents[0].Checkpoint;
        var origin = recipe.Body.HasOrigin ? ancestor : null;
        if (recipe.Body.HasOrigin && (origin is null || origin.Digest != recipe.Ancestor))
            throw new ArgumentException("The ancestor is not that of the recipe.", nameof(ancestor));
        foreach (var other in parents.Skip(1).Concat(origin is null ? [] : [origin]))
            CheckpointCompatibility.Require(first, other.Checkpoint);
        var names = first.MergedTensors;
        var plan = new MergePlan(recipe.Body, parents.Count, names, recipe.Architecture);
        var known = plan.NeedsGram ? Known(recipe, ancestor, rows) : null;
        if (plan.NeedsGram)
            KinshipPass.RequireDistinct(parents);
        MergePart part = new(recipe, parents, ancestor);
        var held = names.Where((_, i) => hold && known is null && HeldWriter.Holds(part, plan, i, threads))
            .ToHashSet(StringComparer.Ordinal);
        string[] measured = plan.NeedsGram ? [.. names.Where(name => !held.Contains(name))] : [];
        var gram = known ?? (measured.Length == 0 ? null
            : new Gram(KinshipPass.Products(ancestor, [], parents, measured, threads, null, cancellation)));
        var places = Places(names);
        var products = Places(measured);
        return [.. first.Tensors.Select(tensor => !places.TryGetValue(tensor.Name, out var i)
            ? new TensorMerge(tensor.Name, recipe, parents, origin, null, null, NoParameters)
            : held.Contains(tensor.Name)
            ? new(tensor.Name, recipe, parents, origin, null, gram => plan.CoefficientsOf(i, gram)!, plan.Parameters[i])
            : new(tensor.Name, recipe, parents, origin, plan.CoefficientsOf(i, gram?.Tensor(products[tensor.Name])), null,
                plan.Parameters[i]))];
    }

    private static Dictionary<string, int> Places(IReadOnlyList<string> names) =>
        names.Select((name, i) => (name, i)).ToDictionary(pair => pair.name, pair => pair.i);

    /// <summary>Merges the tensors and writes those that are not written yet, one shard after the other.</summary>
    internal static void Write(
        IReadOnlyList<TensorMerge> tensors,
        CheckpointWriter writer,
        int threads,
        IProgress<double>? progress,
        CancellationToken cancellation)
    {
        IReadOnlySet<string>[] shards = [.. writer.Unwritten];
        double all = Math.Max(1, tensors.Sum(tensor => tensor.Count));
        var done =
            1 - (tensors.Where(tensor => shards.Any(shard => shard.Contains(tensor.Name))).Sum(tensor => tensor.Count) / all);
        foreach (var shard in shards)
            foreach (var group in tensors.Where(tensor => shard.Contains(tensor.Name))
                .GroupBy(tensor => (Writer: WriterOf(tensor), tensor.Models)))
            {
                TensorMerge[] part = [.. group];
                Part news = new(progress, done, part.Sum(tensor => tensor.Count) / all);
                group.Key.Writer(part, writer, threads, news, cancellation);
                done += news.Share;
            }
    }

    private sealed record Part(IProgress<double>? Whole, double Before, double Share) : IProgress<double>
    {
        public void Report(double value) => Whole?.Report(Before + (value * Share));
    }

    private delegate void Writer(
        IReadOnlyList<TensorMerge> tensors,
        CheckpointWriter files,
        int threads,
        IProgress<double>? progress,
        CancellationToken cancellation);

    private static Writer WriterOf(TensorMerge tensor) =>
        tensor.Elementwise is not null ? ElementwiseWriter.Write
            : tensor.CoefficientsOf is not null ? HeldWriter.Write
            : WeightWriter.Write;

    /// <summary>The parents' products, if all are known.</summary>
    private static Gram? Known(MergeRecipe recipe, Relative? ancestor, IReadOnlyList<GramRow>? rows)
    {
        if (ancestor?.Digest != recipe.Ancestor && rows is null)
            throw new ArgumentException("The ancestor is not that of the recipe.", nameof(ancestor));
        if (rows is not null && (rows.Any(row => !row.Measured || row.Base != recipe.Ancestor)
            || !rows.Select(row => row.Model).SequenceEqual(recipe.Parents)))
            throw new ArgumentException("The rows are not the measured ones of the recipe's parents.", nameof(rows));
        return rows is not null && GramRow.AllRelated(rows) ? new(rows) : null;
    }
}
