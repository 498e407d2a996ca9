using System.Diagnostics;
using System.Text;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.References;

namespace Pedigree.Weights.Merging;

/// <summary>What a document of a configuration file came to.</summary>
/// <param name="Folder">Where the child lies.</param>
/// <param name="Digest">Of its recipe.</param>
/// <param name="Content">Of its files.</param>
/// <param name="Parameters">Elements of all its tensors.</param>
/// <param name="Warnings">What was noticed in its weights: dead layers, collapsed norms.</param>
public sealed record MergedChild(string Folder, string Digest, string Content, long Parameters, IReadOnlyList<string> Warnings)
{
    /// <summary>How quick the merges were that were made for it now, from first to last.</summary>
    public IReadOnlyList<MergeSpeed> Speeds { get; init; } = [];
}

/// <summary>How far a merge has come.</summary>
/// <param name="Done">The fraction that is done.</param>
/// <param name="Bytes">Bytes of weights that the whole merge writes.</param>
public readonly record struct MergeProgress(double Done, long Bytes);

/// <summary>
/// Merges the documents of a configuration file in order. The last one's child is the result; the others' lie in a folder beside
/// it under the digests of their recipes, where the next run finds those that have not changed. One that was interrupted goes on
/// from the last shard that was finished.
/// </summary>
public static class MergePipeline
{
    // With the endings of half-made things a name has at most 255 bytes on any usual file system.
    private const int LongestName = 170;

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
        IReadOnlyList<MergeConfig> stages, string home, HubSettings hub, Func<string, Task<string?>>? stored, string folder,
        long maxShardSize, long? seed,
        IProgress<string>? doing = null, IProgress<MergeProgress>? progress = null, CancellationToken cancellation = default)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Path.Exists(folder))
            throw new BadInputException(folder, null, "exists already; name a folder that does not");
        string[] missing = [.. Missing(Path.GetDirectoryName(folder)!)];
        try
        {
            return await RunAsync(
                stages, home, new ModelSources(hub, stored), folder, maxShardSize, seed, doing, progress, cancellation);
        }
        finally
        {
            // What is refused leaves nothing.
            foreach (var made in missing.Where(
                made => Directory.Exists(made) && !Directory.EnumerateFileSystemEntries(made).Any()))
                Directory.Delete(made);
        }
    }

    private sealed record ModelSources(HubSettings Hub, Func<string, Task<string?>>? Stored)
    {
        /// <summary>Finds what these have, and the children of earlier documents by their names.</summary>
        public ModelLocator Locator(IReadOnlyDictionary<string, string> made) =>
            new(Hub, async name => made.GetValueOrDefault(name) ?? (Stored is null ? null : await Stored(name)));
    }

    private static async Task<MergedChild> RunAsync(
        IReadOnlyList<MergeConfig> stages, string home, ModelSources models, string folder, long maxShardSize, long? seed,
        IProgress<string>? doing, IProgress<MergeProgress>? progress, CancellationToken cancellation)
    {
        using var alone = Alone(folder);
        Remove($"{folder}.scratch");
        if (stages.Count > 1)
            await CheckAsync(stages, home, models, $"{folder}.scratch", seed, doing, cancellation);
        List<string> warnings = [];
        List<MergeSpeed> speeds = [];
        Dictionary<string, string> made = new(StringComparer.Ordinal);
        var locator = models.Locator(made);
        foreach (var stage in stages.SkipLast(1))
        {
            var child = await RunAsync(stage, digest => StageFolder(folder, digest));
            made.Add(stage.Name!, child.Folder);
            warnings.AddRange(child.Warnings.Select(warning => $"{stage.Name}: {warning}"));
        }
        var result = await RunAsync(stages[^1], _ => folder);
        result = result with { Warnings = [.. warnings, .. result.Warnings], Speeds = speeds };
        // What other recipes have left for this folder will never be completed.
        foreach (var half in Directory.EnumerateDirectories(Path.GetDirectoryName(folder)!,
            $"{Path.GetFileName(folder)}.*.partial").Where(IsPartial).ToList())
            Directory.Delete(half, recursive: true);
        return result;

        bool IsPartial(string half) =>
            half[(folder.Length + 1)..^".partial".Length] is { Length: 64 } digest && digest.All(char.IsAsciiHexDigitLower);

        async Task<MergedChild> RunAsync(MergeConfig stage, Func<string, string> target)
        {
            using var merge = await ConfiguredMerge.OpenAsync(
                stage, home, locator, $"{folder}.scratch", seed, doing, cancellation: cancellation);
            var (digest, place) = (merge.Recipe.Digest, target(merge.Recipe.Digest));
            if (File.Exists(Path.Combine(place, MergeRecipe.FileName))
                && MergeVerification.Verify(place, mayHaveMore: true) == digest)
            {
                using var known = Checkpoint.Open(place);
                return new(place, digest, CheckpointDigest.Compute(known).ContentDigest, known.Parameters,
                    ChildDescription.WarningsOf(place));
            }
            var explanation = MergeExplanation.Of(merge);
            var isResumed = Directory.Exists(Merger.PartialFolder(place, digest));
            var begun = Stopwatch.StartNew();
            var manifest = merge.Write(place, maxShardSize, progress: progress is null ? null
                : new Sized(progress, explanation.Bytes), cancellation: cancellation);
            if (!isResumed)
                speeds.Add(new(explanation.Method, explanation.BytesMerged, begun.Elapsed.TotalSeconds));
            return new(place, digest, manifest.ContentDigest, merge.Parameters, ChildDescription.WarningsOf(place));
        }
    }

    /// <summary>
    /// Plans every document, with stand-ins for the children of those before it: what is wrong with the last one is said before
    /// hours are spent on the first.
    /// </summary>
    private static async Task CheckAsync(
        IReadOnlyList<MergeConfig> stages,
        string home,
        ModelSources models,
        string scratch,
        long? seed,
        IProgress<string>? doing,
        CancellationToken cancellation)
    {
        Dictionary<string, string> standIns = new(StringComparer.Ordinal);
        try
        {
            foreach (var stage in stages)
            {
                using var merge = await ConfiguredMerge.OpenAsync(
                    stage, home, models.Locator(standIns), null, seed, doing, cancellation: cancellation);
                MergeExplanation.Of(merge);
                if (stage == stages[^1])
                    break;
                standIns.Add(stage.Name!, Path.Combine(scratch, $"{standIns.Count}"));
                merge.WriteStandIn(standIns[stage.Name!]);
            }
        }
        finally
        {
            Remove(scratch);
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    /// <summary>Where the child of a document lies that is not the last one.</summary>
    public static string StageFolder(string folder, string digest) => Path.Combine($"{folder}.stages", digest);

    private static IEnumerable<string> Missing(string folder)
    {
        for (var missing = folder; missing is not null && !Directory.Exists(missing); missing = Path.GetDirectoryName(missing))
            yield return missing;
    }

    private sealed class Sized(IProgress<MergeProgress> whole, long bytes) : IProgress<double>
    {
        public void Report(double value) => whole.Report(new(value, bytes));
    }

    /// <summary>Keeps other processes from the folder until it is disposed.</summary>
    private static FileStream Alone(string folder)
    {
        if (Encoding.UTF8.GetByteCount(Path.GetFileName(folder)) > LongestName)
            throw new BadInputException(folder, null, $"has too long a name; give it one of at most {LongestName} bytes");
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
            return LockFile.TryTake($"{folder}.lock", passing: true)
                ?? throw new BadInputException(folder, null,
                    "is being merged by another process; wait for it, or name another folder");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(folder, null, $"cannot be written: {error.Message}; name a folder that can");
        }
    }
}
