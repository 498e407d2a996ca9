using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.References;

namespace Pedigree.Weights.Merging;

/// <summary>What a document of a configuration file came to.</summary>
/// <param name="Folder">Where the child lies.</param>
/// <param name="Digest">Of its recipe.</param>
/// <param name="Content">Of its files.</param>
/// <param name="Parameters">Elements of all its tensors.</param>
/// <param name="Warnings">What was noticed in its weights: dead layers, collapsed norms.</param>
public sealed record MergedChild(string Folder, string Digest, string Content, long Parameters, IReadOnlyList<string> Warnings);

/// <summary>How far a merge has come.</summary>
/// <param name="Done">The fraction that is done.</param>
/// <param name="Bytes">Bytes of weights that the whole merge writes.</param>
public readonly record struct MergeProgress(double Done, long Bytes);

/// <summary>
/// Merges the documents of a configuration file in order. The last one's child is the result; the others' lie in a folder beside it
/// under the digests of their recipes, where the next run finds those that have not changed. One that was interrupted goes on from the
/// last shard that was finished.
/// </summary>
public static class MergePipeline
{
    /// <summary>Makes what was not made before.</summary>
    /// <param name="stages">The documents.</param>
    /// <param name="home">Where relative paths begin.</param>
    /// <param name="hub">Where models are found that are no folders.</param>
    /// <param name="stored">The folder of what the caller's store has by a name, or null.</param>
    /// <param name="folder">Where the result goes.</param>
    /// <param name="maxShardSize">Most tensor bytes in a shard.</param>
    /// <param name="seed">Of the methods that draw at random; null: each document's own, or 0.</param>
    /// <param name="doing">Told what is being done.</param>
    /// <param name="progress">Told how far a merge has come.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="BadInputException">A configuration, a model or the folder is not right.</exception>
    public static async Task<MergedChild> RunAsync(
        IReadOnlyList<MergeConfig> stages, string home, HubSettings hub, Func<string, Task<string?>>? stored, string folder, long maxShardSize, long? seed,
        IProgress<string>? doing = null, IProgress<MergeProgress>? progress = null, CancellationToken cancellation = default)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Path.Exists(folder))
            throw new BadInputException(folder, null, "exists already; name a folder that does not");
        using var alone = Alone(folder);
        if (Directory.Exists($"{folder}.scratch"))
            Directory.Delete($"{folder}.scratch", recursive: true);
        List<string> warnings = [];
        Dictionary<string, string> made = new(StringComparer.Ordinal);
        ModelLocator locator = new(hub, async name => made.GetValueOrDefault(name) ?? (stored is null ? null : await stored(name)));
        foreach (var stage in stages.SkipLast(1))
        {
            var child = await RunAsync(stage, digest => Path.Combine($"{folder}.stages", digest));
            made.Add(stage.Name!, child.Folder);
            warnings.AddRange(child.Warnings.Select(warning => $"{stage.Name}: {warning}"));
        }
        var result = await RunAsync(stages[^1], _ => folder);
        result = result with { Warnings = [.. warnings, .. result.Warnings] };
        // What other recipes have left for this folder will never be completed.
        foreach (var half in Directory.EnumerateDirectories(Path.GetDirectoryName(folder)!, $"{Path.GetFileName(folder)}.*.partial").Where(IsPartial).ToList())
            Directory.Delete(half, recursive: true);
        return result;

        bool IsPartial(string half) =>
            half[(folder.Length + 1)..^".partial".Length] is { Length: 64 } digest && digest.All(char.IsAsciiHexDigitLower);

        async Task<MergedChild> RunAsync(MergeConfig stage, Func<string, string> target)
        {
            using var merge = await ConfiguredMerge.OpenAsync(stage, home, locator, $"{folder}.scratch", seed, doing, cancellation);
            var (digest, place) = (merge.Recipe.Digest, target(merge.Recipe.Digest));
            if (File.Exists(Path.Combine(place, ChildDescription.Recipe)) && MergeVerification.Verify(place) == digest)
            {
                using var known = Checkpoint.Open(place);
                return new(place, digest, CheckpointDigest.Compute(known).ContentDigest, known.Parameters, ChildDescription.WarningsOf(place));
            }
            var manifest = merge.Write(place, maxShardSize, progress: progress is null ? null : new Sized(progress, MergeExplanation.Of(merge).Bytes), cancellation: cancellation);
            return new(place, digest, manifest.ContentDigest, merge.Parameters, ChildDescription.WarningsOf(place));
        }
    }

    private sealed class Sized(IProgress<MergeProgress> whole, long bytes) : IProgress<double>
    {
        public void Report(double value) => whole.Report(new(value, bytes));
    }

    /// <summary>Keeps other processes from the folder until it is disposed.</summary>
    private static FileStream Alone(string folder)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        return LockFile.TryTake($"{folder}.lock", passing: true)
            ?? throw new BadInputException(folder, null, "is being merged by another process; wait for it, or name another folder");
    }
}
