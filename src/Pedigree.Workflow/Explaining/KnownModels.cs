using Pedigree.Storage;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;

namespace Pedigree.Workflow.Explaining;

/// <summary>
/// What a store knows of checkpoints without reading their weights: digests, and the Gram rows kept under them.
/// </summary>
internal sealed class KnownModels(IStore store, CancellationToken cancellation)
{
    private readonly GramCache _grams = new(store);
    private readonly Dictionary<string, AdmittedSource?> _admitted = new(StringComparer.Ordinal);

    /// <summary>The digest of a checkpoint's content; null where nothing tells it.</summary>
    public async Task<string?> ContentAsync(Checkpoint checkpoint) =>
        (await AdmittedAsync(checkpoint.Folder))?.Digest ?? ChildFiles.ContentBeside(checkpoint);

    /// <summary>The digest that a checkpoint's rows are kept under: a child of the store is known by its recipe there.</summary>
    public async Task<string?> NameAsync(string folder) =>
        Path.GetFileName(folder) is var name
        && StoreNames.IsDigest(name)
        && store.AddressOf(StoreNames.Checkpoint(name)) == folder ? name
            : (await AdmittedAsync(folder))?.Digest;

    /// <summary>The models that may be a base, by digest: those that were admitted.</summary>
    public async Task<IReadOnlyList<string>> AdmittedAsync() =>
        [.. (await store.ListAsync("checkpoints", StoreNames.SourceFile, cancellation)).Where(StoreNames.IsDigest)];

    /// <summary>Where an admitted model lies.</summary>
    public async Task<string> PathAsync(string digest) =>
        (await AdmittedSource.ReadAsync(store, digest, cancellation))?.Path ?? digest;

    /// <summary>The row of a model relative to a base; null where it is not known.</summary>
    public async Task<GramRow?> RowAsync(string ancestor, string model) =>
        await _grams.FindAsync(ancestor, model, measured: true, cancellation)
        ?? await _grams.FindAsync(ancestor, model, measured: false, cancellation);

    private async Task<AdmittedSource?> AdmittedAsync(string folder)
    {
        if (!_admitted.TryGetValue(folder, out AdmittedSource? source))
            _admitted[folder] = source = await AdmittedSource.FindAsync(store, folder, cancellation);
        return source;
    }
}
