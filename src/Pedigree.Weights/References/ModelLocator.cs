namespace Pedigree.Weights.References;

/// <summary>
/// Finds the folder of a model wherever one is named: a folder, what the caller's store knows, or a Hugging Face id.
/// </summary>
/// <param name="hub">The hub and its cache.</param>
/// <param name="store">The folder of a digest or name in the caller's store, or null where it has none; null: no store.</param>
public sealed class ModelLocator(HubSettings hub, Func<string, Task<string?>>? store = null)
{
    /// <summary>
    /// The folder, absolute. A folder that exists goes before everything else; what looks like a path is
    /// never looked for on the hub.
    /// </summary>
    /// <param name="reference">The model; its adapter is not looked at.</param>
    /// <param name="home">Where relative paths begin.</param>
    /// <param name="progress">Told of bytes that are downloaded.</param>
    /// <param name="cancellation">Ends a download; what came so far is kept.</param>
    /// <exception cref="BadInputException">There is no such model, or the name stands for two.</exception>
    public async Task<string> FolderAsync(
        ModelReference reference,
        string home,
        IProgress<DownloadProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        var path = Path.GetFullPath(reference.Model, home);
        var stored = reference.Revision is null && store is not null ? await store(reference.Model) : null;
        if (reference.Revision is null && Path.Exists(path))
            return stored is null || stored == path ? path : throw new BadInputException(reference.Model, null,
                $"is both a folder ({path}) and a model in the store ({stored}); "
                + $"write ./{reference.Model} for the folder, or the digest for the other");
        if (stored is not null)
            return stored;
        if (!reference.IsHubId || LooksLikePath(reference.Model))
            throw new BadInputException(reference.ToString(), null,
                $"there is no such folder ({path}); name a folder, or a Hugging Face id such as org/name@revision");
        // Before there was a hub, a name of one part was a folder: the hub has few of those.
        if (!reference.Model.Contains('/')
            && reference.Revision is null
            && new HubCache(hub.Cache, reference.Model).Find("main") is null)
            throw new BadInputException(reference.Model, null,
                $"there is no such folder ({path}); name a folder, or a Hugging "
                + $"Face id such as org/name or {reference.Model}@main");
        try
        {
            return await new HubDownload(hub, reference).FolderAsync(progress, cancellation);
        }
        // models/math may be meant as a folder whose name is misspelt, so where it was looked for is said too.
        catch (BadInputException error) when (error.File == reference.Model && reference.Revision is null)
        {
            var reason = $"{error.Reason}; nor is there a folder {path}";
            throw error is UnavailableException
                ? new UnavailableException(error.File, error.Field, reason, error)
                : new BadInputException(error.File, error.Field, reason, error);
        }
    }

    /// <summary>The same of a reference as a person wrote it.</summary>
    /// <exception cref="BadInputException">There is no such model, or the name stands for two.</exception>
    public Task<string> FolderAsync(
        string reference, string home, IProgress<DownloadProgress>? progress = null, CancellationToken cancellation = default) =>
        FolderAsync(ModelReference.Parse(reference, home), home, progress, cancellation);

    /// <summary>The same for those who take a model as it lies there: an adapter is refused.</summary>
    /// <exception cref="BadInputException">
    /// There is no such model, the name stands for two, or an adapter is asked for.
    /// </exception>
    public Task<string> FolderWithoutAdapterAsync(
        string reference, string home, IProgress<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        var parsed = ModelReference.Parse(reference, home);
        return parsed.Adapter is null ? FolderAsync(parsed, home, progress, cancellation)
            : throw new BadInputException(reference, null, "an adapter is only merged by `pedigree merge`; "
                + "make a checkpoint of the two with it (method: passthrough), and name that");
    }

    private static bool LooksLikePath(string model) => Path.IsPathRooted(model) || model.StartsWith('.') || model.StartsWith('~');
}
