using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Merging;

/// <summary>Carries out recipes.</summary>
public static class Merger
{
    /// <summary>
    /// Writes the child of <paramref name="recipe"/> to <paramref name="folder"/>, which must not exist: whole or not at all. Its
    /// bytes depend on the recipe alone, except where <paramref name="labels"/> name the parents otherwise in the card.
    /// </summary>
    /// <param name="recipe">What to make.</param>
    /// <param name="parents">The parents, in the recipe's order and under its digests.</param>
    /// <param name="ancestor">The recipe's ancestor; needed only where rows are.</param>
    /// <param name="rows">The parents' measured rows; null, or lacking a pair: measured first, if the method needs them.</param>
    /// <param name="folder">Where to write.</param>
    /// <param name="labels">How the card calls the parents; null: by digest.</param>
    /// <param name="threads">0: as many as there are cores. The result does not depend on it.</param>
    /// <param name="progress">Receives the fraction done.</param>
    /// <param name="cancellation">Ends the merge between two blocks; nothing is left behind.</param>
    /// <returns>The child's files; its content digest.</returns>
    /// <exception cref="BadInputException">The folder exists, the parents do not fit each other or the recipe, a weight is not finite, or the disk is full.</exception>
    public static CheckpointManifest Merge(
        MergeRecipe recipe, IReadOnlyList<Relative> parents, Relative? ancestor, IReadOnlyList<GramRow>? rows, string folder,
        IReadOnlyList<string>? labels = null, int threads = 0, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Path.Exists(folder))
            throw new BadInputException(folder, null, "exists already; name a folder that does not");
        if (!parents.Select(parent => parent.Digest).SequenceEqual(recipe.Parents))
            throw new ArgumentException("The parents are not those of the recipe.", nameof(parents));
        var tensors = Plan(recipe, parents, ancestor, rows, threads, cancellation);
        using var writer = new CheckpointWriter($"{folder}.{Guid.NewGuid():N}.partial",
            [.. tensors.Select(tensor => new PlannedTensor(tensor.Name, tensor.Output, tensor.Sources[0].Shape))]);
        WeightWriter.Write(tensors, writer, threads, progress, cancellation);
        ChildDescription.Write(writer, recipe, parents[0].Checkpoint, labels ?? recipe.Parents);
        cancellation.ThrowIfCancellationRequested();
        return writer.Complete(folder);
    }

    /// <summary>What to write for each tensor of the first parent.</summary>
    internal static IReadOnlyList<TensorMerge> Plan(
        MergeRecipe recipe, IReadOnlyList<Relative> parents, Relative? ancestor, IReadOnlyList<GramRow>? rows, int threads, CancellationToken cancellation)
    {
        var first = parents[0].Checkpoint;
        foreach (var parent in parents.Skip(1))
            CheckpointCompatibility.Require(first, parent.Checkpoint);
        string[] names = [.. first.Tensors.Where(tensor => tensor.DType.IsMerged()).Select(tensor => tensor.Name)];
        var plan = new MergePlan(recipe.Body, parents.Count, names);
        var gram = recipe.Body.Method.NeedsGram ? Measure(recipe, parents, ancestor, rows, threads, cancellation) : null;
        var coefficients = plan.Coefficients(gram).Zip(names).ToDictionary(pair => pair.Second, pair => pair.First);
        return [.. first.Tensors.Select(tensor => new TensorMerge(
            tensor.Name, parents, coefficients.GetValueOrDefault(tensor.Name), recipe.Body.DType, recipe.Body.OutDType))];
    }

    private static Gram Measure(
        MergeRecipe recipe, IReadOnlyList<Relative> parents, Relative? ancestor, IReadOnlyList<GramRow>? rows, int threads, CancellationToken cancellation)
    {
        if (ancestor?.Digest != recipe.Ancestor && rows is null)
            throw new ArgumentException("The ancestor is not that of the recipe.", nameof(ancestor));
        if (rows is not null && (rows.Any(row => !row.Measured || row.Base != recipe.Ancestor) || !rows.Select(row => row.Model).SequenceEqual(recipe.Parents)))
            throw new ArgumentException("The rows are not the measured ones of the recipe's parents.", nameof(rows));
        if (rows is null || !rows.All(a => rows.All(b => GramRow.Related(a, b))))
            rows = KinshipPass.Measure(ancestor, [], parents, threads, null, cancellation);
        return new(rows);
    }
}
