using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow;

/// <summary>
/// The files of a model as its checkpoint's own list has them: no other file of its folder is one of them. A child that was
/// removed is made again where one of its files is opened.
/// </summary>
public sealed class ModelFiles
{
    private readonly Func<string, CancellationToken, Task<Stream?>> _open;

    private ModelFiles(IEnumerable<ModelFile> files, Func<string, CancellationToken, Task<Stream?>> open) =>
        (Files, _open) = ([.. files.OrderBy(file => file.Name, StringComparer.Ordinal)], open);

    /// <summary>The files, by name.</summary>
    public IReadOnlyList<ModelFile> Files { get; }

    /// <summary>Those of a model of a run.</summary>
    /// <exception cref="BadInputException">The store has no such checkpoint.</exception>
    public static async Task<ModelFiles> OfAsync(IStore store, string digest, CancellationToken cancellation)
    {
        Task<Stream?> Stored(string name, CancellationToken cancel) =>
            store.OpenReadAsync(StoreNames.CheckpointFile(digest, name), cancel);
        if (await AdmittedSource.ReadAsync(store, digest, cancellation) is { } source)
            return new(source.Files.Select(file => new ModelFile(file.Name, file.Sha256)), source.LooksUnchanged
                ? (name, _) => Task.FromResult<Stream?>(File.OpenRead(Path.Combine(source.Path, name))) : Stored);
        async Task<Stream?> StoredOrRemade(string name, CancellationToken cancel)
        {
            if (await Stored(name, cancel) is { } stream)
                return stream;
            (await new Models(store).FindAsync(digest, new(null, "remake", digest), cancel))?.Dispose();
            return await Stored(name, cancel);
        }
        ChildFiles child = await ChildFiles.ReadAsync(store, digest, cancellation)
            ?? throw new BadInputException(store.AddressOf(StoreNames.Checkpoint(digest)), null, "there is no such checkpoint");
        return new(child.Files.Select(file => new ModelFile(file.Key, file.Value)), StoredOrRemade);
    }

    /// <summary>Opens one of them, to be read from anywhere.</summary>
    /// <exception cref="BadInputException">It has changed since it was admitted, or is gone.</exception>
    public async Task<Stream> OpenAsync(ModelFile file, CancellationToken cancellation) =>
        await _open(file.Name, cancellation)
        ?? throw new BadInputException(file.Name, null, "has changed since it was admitted, or is gone");
}

/// <summary>A file of a model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Sha256">Of its content.</param>
public sealed record ModelFile(string Name, string Sha256);
