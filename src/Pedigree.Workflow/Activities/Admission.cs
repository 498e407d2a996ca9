using Pedigree.Evaluation;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Workflow.Activities;

/// <summary>Opens a model of the spec, checks that it can be merged and evaluated, and names it by its content.</summary>
internal sealed class Admission(Store store, SpecFile spec, RunJournal journal, Models models, Recipes recipes)
{
    public async Task<ModelAdmitted> AdmitAsync(ModelSource source, CancellationToken cancellation)
    {
        string folder = await spec.FolderOfAsync(source.Path, cancellation);
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        Evaluator.Check(checkpoint);
        recipes.Check(checkpoint);
        AdmittedSource? known = AdmittedSource.Find(store, folder);
        if (known?.Files.Select(file => file.Name).SequenceEqual(checkpoint.SourceFiles) != true)
        {
            AdmittedSource read = known = Read(checkpoint);
            // The same content may have been admitted from elsewhere.
            if (AdmittedSource.Read(store, read.Digest) is not { LooksUnchanged: true })
                journal.Write(() => read.Write(store, journal.Temporary));
        }
        models.Admitted(known.Digest, folder);
        return new(source.Name, source.Path, known.Digest, checkpoint.Parameters);
    }

    /// <summary>Reads all of a checkpoint.</summary>
    public static AdmittedSource Read(Checkpoint checkpoint)
    {
        // Times first: a file that changes while it is read will not look unchanged.
        Dictionary<string, DateTime> times = checkpoint.SourceFiles.ToDictionary(
            name => name, name => File.GetLastWriteTimeUtc(Path.Combine(checkpoint.Folder, name)));
        CheckpointManifest manifest = CheckpointDigest.Compute(checkpoint);
        return new(checkpoint.Folder, manifest.ContentDigest,
            [.. manifest.Files.Select(file => new SourceFile(file.Name, file.Length, times[file.Name], file.Sha256))]);
    }
}
