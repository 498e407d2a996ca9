using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// Whether the models that a spec names are still those that its run admitted. The text of a spec does not say: it may lie in
/// another folder, with other models of the same names, or a model may have been replaced.
/// </summary>
public static class AdmittedModels
{
    /// <summary>Reads nothing of models that lie where they lay, as long and as old as they were.</summary>
    /// <exception cref="OtherModelException">Names the model that is another, or is not where this spec says.</exception>
    public static async Task CheckAsync(
        StoredRun run, SpecFile spec, IEnumerable<ModelAdmitted> admitted, CancellationToken cancellation)
    {
        string origin = Path.GetDirectoryName(await run.OriginAsync(cancellation)) ?? spec.Folder;
        foreach (ModelAdmitted model in admitted.Where(model => !StoreNames.IsDigest(model.Source)))
        {
            cancellation.ThrowIfCancellationRequested();
            string folder = Path.GetFullPath(model.Source, spec.Folder);
            // A name on the hub is the same everywhere; a folder that is gone may still be in the store.
            if (Directory.Exists(folder) ? !await IsThatAsync(run.Store, folder, model.Digest, cancellation)
                : origin != spec.Folder && Directory.Exists(Path.GetFullPath(model.Source, origin)))
                throw new OtherModelException(spec.Path, model.Name == RunState.BaseName ? model.Name : $"models.{model.Name}",
                    $"{folder} has changed since it was admitted to run {run.Id} (by {origin}), "
                    + "or is another model; put it back as it was, or choose another run id");
        }
    }

    private static async Task<bool> IsThatAsync(IStore store, string folder, string digest, CancellationToken cancellation)
    {
        using Checkpoint checkpoint = Checkpoint.Open(folder);
        return (await AdmittedSource.ReadAsync(store, digest, cancellation) is { } known
            && Admission.IsUnchanged(known, checkpoint))
            || Admission.Read(checkpoint).Digest == digest;
    }
}

/// <summary>A model that a spec names is not the one that its run admitted.</summary>
public sealed class OtherModelException(string file, string field, string reason) : BadInputException(file, field, reason);
