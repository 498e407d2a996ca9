using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Workflow.Activities;

/// <summary>Finds the weights behind a digest, and looks once whether an admitted model is still the one that was admitted.</summary>
internal sealed class Models(Store store)
{
    private readonly Dictionary<string, string> _folders = new(StringComparer.Ordinal);

    /// <summary>The folder in the store, or for an admitted model the one it was admitted from.</summary>
    public static string FolderOf(Store store, string digest) => AdmittedSource.Read(store, digest)?.Path ?? store.Checkpoint(digest);

    /// <summary>Notes where a model lies whose content was just read.</summary>
    public void Admitted(string digest, string folder) => _folders[digest] = folder;

    /// <summary>Opens a model.</summary>
    /// <exception cref="BadInputException">It is gone, or its content has changed since it was admitted.</exception>
    public Checkpoint Open(string digest)
    {
        if (!_folders.TryGetValue(digest, out string? folder))
            _folders[digest] = folder = Checked(digest);
        return Checkpoint.Open(folder);
    }

    private string Checked(string digest)
    {
        if (AdmittedSource.Read(store, digest) is not { } source)
            return store.Checkpoint(digest);
        if (!source.LooksUnchanged)
        {
            using Checkpoint checkpoint = Checkpoint.Open(source.Path);
            if (Admission.Read(checkpoint).Digest != digest)
                throw new BadInputException(source.Path, null,
                    "has changed since it was admitted to the run; put the checkpoint back as it was, or begin another run");
        }
        return source.Path;
    }
}
