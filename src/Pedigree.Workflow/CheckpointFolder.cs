using Pedigree.Storage;

namespace Pedigree.Workflow;

/// <summary>Finds the weights behind a digest.</summary>
internal static class CheckpointFolder
{
    /// <summary>The folder in the store, or for an admitted model the one it was admitted from.</summary>
    public static string Find(Store store, string digest) =>
        AdmittedSource.Read(store, digest)?.Path ?? store.Checkpoint(digest);
}
