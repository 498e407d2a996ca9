using System.Security.Cryptography;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Merging;

/// <summary>What is known of a child without its weights.</summary>
/// <param name="Recipe">Its <c>recipe.json</c>.</param>
/// <param name="Content">Its content digest.</param>
public sealed record ChildOutline(byte[] Recipe, string Content);

/// <summary>
/// A child of which every tensor is a weighted sum, to be summed elsewhere than by this processor's kernels: on a GPU. Whoever
/// brings the sources to <see cref="TensorMerge.Input"/>, multiplies and adds in float64 in their order, and rounds to
/// <see cref="TensorMerge.Rounded"/> and then <see cref="TensorMerge.Output"/> (nearest, ties to even) gives the bytes that
/// <see cref="Merger"/> gives.
/// </summary>
public sealed class SummedMerge
{
    // Bytes that are copied at a time: a multiple of every element's size.
    private const int Portion = 1 << 24;

    private readonly SmallFiles _small;

    private SummedMerge(
        MergeRecipe recipe, IReadOnlyList<Relative> parents, Relative? ancestor, IReadOnlyList<TensorMerge> tensors)
    {
        Recipe = recipe;
        Sources = recipe.Body.HasOrigin ? [.. parents, ancestor!] : parents;
        Tensors = tensors;
        _small = SmallFiles.Of(recipe, parents, ancestor);
    }

    /// <summary>The recipe.</summary>
    public MergeRecipe Recipe { get; }

    /// <summary>
    /// The models that are summed: the parents, and last the origin if there is one. They stay open as long as this is used.
    /// </summary>
    public IReadOnlyList<Relative> Sources { get; }

    /// <summary>The tensors; their sources are in the order of <see cref="Sources"/>.</summary>
    public IReadOnlyList<TensorMerge> Tensors { get; }

    /// <summary>Plans a child; null where not every tensor is a weighted sum.</summary>
    /// <param name="recipe">What to make.</param>
    /// <param name="parents">The parents, in the recipe's order and under its digests.</param>
    /// <param name="ancestor">The recipe's ancestor.</param>
    /// <param name="rows">The parents' measured rows; null, or lacking a pair: measured first, if the method needs them.</param>
    /// <param name="cancellation">Ends the measuring.</param>
    /// <exception cref="BadInputException">The parents do not fit each other or the recipe.</exception>
    public static SummedMerge? Plan(
        MergeRecipe recipe,
        IReadOnlyList<Relative> parents,
        Relative? ancestor,
        IReadOnlyList<GramRow>? rows,
        CancellationToken cancellation = default)
    {
        var tensors = parents[0].Checkpoint.Tensors;
        return tensors.All(tensor => tensor.DType.IsMerged())
            && new MergePlan(
                recipe.Body, parents.Count, [.. tensors.Select(tensor => tensor.Name)], recipe.Architecture).IsWeightedSum
            ? new(recipe, parents, ancestor, Merger.Plan(recipe, parents, ancestor, rows, 0, cancellation)) : null;
    }

    /// <summary>Reads the child once and says what its checkpoint would be; nothing stays on the disk.</summary>
    /// <param name="child">Reads its tensors, once they are summed.</param>
    /// <param name="scratch">A folder that does not exist, for the small files meanwhile.</param>
    /// <param name="progress">Receives the fraction done.</param>
    /// <param name="cancellation">Ends it.</param>
    public ChildOutline Describe(
        TensorReader child, string scratch, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        PlannedTensor[] tensors = [.. Tensors.Select(tensor => tensor.Planned)];
        double done = 0, all = Math.Max(1, tensors.Sum(tensor => tensor.ByteLength));
        List<FileDigest> shards = [];
        foreach (var shard in ShardPlan.Divide(tensors, CheckpointWriter.DefaultMaxShardSize))
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(shard.Header);
            foreach (var tensor in shard.Tensors)
                Read(child, tensor, (_, bytes) =>
                {
                    hash.AppendData(bytes);
                    progress?.Report((done += bytes.Length) / all);
                }, cancellation);
            shards.Add(new(shard.Name, shard.Length, Convert.ToHexStringLower(hash.GetHashAndReset())));
        }
        using var writer = new CheckpointWriter(scratch, tensors, leftOut: shards);
        ChildDescription.Write(writer, Recipe, _small, Tensors, child);
        return new(File.ReadAllBytes(Path.Combine(scratch, MergeRecipe.FileName)), writer.Seal().ContentDigest);
    }

    /// <summary>Writes the child, whole or not at all.</summary>
    /// <param name="child">Reads its tensors, once they are summed.</param>
    /// <param name="folder">Where; it must not exist.</param>
    /// <param name="progress">Receives the fraction done.</param>
    /// <param name="cancellation">Ends it; the same call goes on from the shards that were finished.</param>
    /// <exception cref="BadInputException">The folder exists, or the disk is full.</exception>
    public CheckpointManifest Write(
        TensorReader child, string folder, IProgress<double>? progress = null, CancellationToken cancellation = default) =>
        Merger.Write(Recipe, Tensors, _small, folder, writer =>
        {
            var unwritten = writer.Unwritten.SelectMany(shard => shard).ToHashSet(StringComparer.Ordinal);
            PlannedTensor[] tensors =
                [.. Tensors.Where(tensor => unwritten.Contains(tensor.Name)).Select(tensor => tensor.Planned)];
            double done = 0, all = Math.Max(1, tensors.Sum(tensor => tensor.ByteLength));
            foreach (var tensor in tensors)
                Read(child, tensor, (start, bytes) =>
                {
                    writer.Write(tensor.Name, start, bytes);
                    progress?.Report((done += bytes.Length) / all);
                }, cancellation);
        }, cancellation);

    private static void Read(
        TensorReader child, PlannedTensor tensor, Action<long, ReadOnlySpan<byte>> take, CancellationToken cancellation)
    {
        var buffer = new byte[Math.Min(Portion, tensor.ByteLength)];
        for (var start = 0L; start < tensor.ByteLength; start += Portion)
        {
            cancellation.ThrowIfCancellationRequested();
            var bytes = buffer.AsSpan(0, (int)Math.Min(Portion, tensor.ByteLength - start));
            child(tensor.Name, start, bytes);
            take(start, bytes);
        }
    }
}
