namespace Pedigree.Storage;

/// <summary>A checkpoint of a store as a folder on this machine, which stays there until this is disposed.</summary>
/// <param name="folder">The folder.</param>
/// <param name="held">What keeps it there; null where nothing needs to.</param>
public sealed class LocalCheckpoint(string folder, IDisposable? held) : IDisposable
{
    /// <summary>The folder; not to be changed.</summary>
    public string Folder { get; } = folder;

    /// <inheritdoc/>
    public void Dispose() => held?.Dispose();
}
