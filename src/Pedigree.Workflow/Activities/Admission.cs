using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights.Checkpoints;
using Pedigree.Workflow.Evaluators;

namespace Pedigree.Workflow.Activities;

/// <summary>Opens a model of the spec, checks that it can be merged and evaluated, and names it by its content.</summary>
internal sealed class Admission(IStore store, SpecFile spec, Models models, Recipes recipes, RunEvaluator evaluator)
{
    public async Task<ModelAdmitted> AdmitAsync(ModelSource source, WorkNews news, CancellationToken cancellation)
    {
        using StoredModels stored = new(store, news.Progress, cancellation);
        string folder = await spec.FolderOfAsync(source.Path, stored.FolderAsync, cancellation);
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        evaluator.Check(checkpoint);
        recipes.Check(checkpoint);
        AdmittedSource known = await KeepAsync(store, checkpoint, news, cancellation);
        models.Admitted(known.Digest, folder);
        return new(source.Name, source.Path, known.Digest, checkpoint.Parameters);
    }

    /// <summary>
    /// What the store knows of a checkpoint; where it does not know it as it is, the checkpoint is read and kept.
    /// </summary>
    public static async Task<AdmittedSource> KeepAsync(
        IStore store, Checkpoint checkpoint, WorkNews news, CancellationToken cancellation)
    {
        if (await AdmittedSource.FindAsync(store, checkpoint.Folder, cancellation) is { } known && IsUnchanged(known, checkpoint))
            return known;
        AdmittedSource read = Read(checkpoint);
        // The same content may have been admitted from elsewhere.
        if (await AdmittedSource.ReadAsync(store, read.Digest, cancellation) is not { LooksUnchanged: true })
            await store.AdmitCheckpointAsync(read, news.Of("upload"), cancellation);
        return read;
    }

    /// <summary>
    /// Whether a checkpoint looks as it did when it was last read whole: its place, and its files by name, length and time.
    /// </summary>
    public static bool IsUnchanged(AdmittedSource known, Checkpoint checkpoint) =>
        known.Path == checkpoint.Folder && known.LooksUnchanged
        && known.Files.Select(file => file.Name).SequenceEqual(checkpoint.SourceFiles);

    /// <summary>Reads all of a checkpoint.</summary>
    public static AdmittedSource Read(Checkpoint checkpoint)
    {
        // Times first: a file that changes while it is read will not look unchanged.
        Dictionary<string, DateTime> times = checkpoint.SourceFiles.ToDictionary(
            name => name, name => InputFile.Behind(Path.Combine(checkpoint.Folder, name)).LastWriteTimeUtc);
        CheckpointManifest manifest = CheckpointDigest.Compute(checkpoint);
        return new(checkpoint.Folder, manifest.ContentDigest,
            [.. manifest.Files.Select(file => new SourceFile(file.Name, file.Length, times[file.Name], file.Sha256))]);
    }
}
