using System.Collections.Concurrent;
using Pedigree.Evaluation.Residents;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// Finds the weights behind a digest, and looks once whether an admitted model is still the one that was admitted, and a child
/// that was made before the one that its recipe tells of: that reads all of it, one to two gigabytes a second and processor. A
/// child that was removed is made again.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="apart">
/// A folder where removed children are made again, so that nothing is changed in the store; null: they come back into it.
/// </param>
/// <param name="device">Where children are made that are not written; null: this machine's GPU, if it has one.</param>
internal sealed class Models(IStore store, string? apart = null, ResidentModels? device = null)
{
    private readonly ConcurrentDictionary<string, string> _admitted = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _sound = new(StringComparer.Ordinal);

    /// <summary>Where children are made that are not written; null where there is no such device.</summary>
    public ResidentModels? Device => device ?? ResidentModels.OfThisMachine;

    /// <summary>Where a removed child is, or will be, made again; null where such children come back into the store.</summary>
    public string? Apart(string digest) => apart is null ? null : Path.Combine(apart, digest);

    /// <summary>
    /// What people call the place of a model: for an admitted one the folder that it was admitted from;
    /// null where it was removed.
    /// </summary>
    public static async Task<string?> AddressOfAsync(IStore store, string digest) =>
        (await AdmittedSource.ReadAsync(store, digest))?.Path
        ?? (await store.ExistsAsync(StoreNames.Recipe(digest)) ? store.AddressOf(StoreNames.Checkpoint(digest)) : null);

    /// <summary>Notes where a model lies whose content was just read.</summary>
    public void Admitted(string digest, string folder) => _admitted[digest] = folder;

    /// <summary>Notes a child that was just made: it need not be read to be trusted.</summary>
    public void Made(string digest) => _sound[digest] = true;

    /// <summary>Opens a model.</summary>
    /// <exception cref="BadInputException">It is gone, or its content has changed since it was admitted.</exception>
    public async Task<OpenModel> OpenAsync(string digest, WorkNews news, CancellationToken cancellation) =>
        await FindAsync(digest, news, cancellation)
        ?? throw new BadInputException(store.AddressOf(StoreNames.Checkpoint(digest)), null, "there is no such checkpoint");

    /// <summary>
    /// Opens a model to read its weights, not its files: a child of which the store has only the recipe is not written for that
    /// if it is, or can be made, in the memory of a device.
    /// </summary>
    public async Task<OpenModel> OpenWeightsAsync(string digest, WorkNews news, CancellationToken cancellation)
    {
        if (Device is null || await store.ExistsAsync(StoreNames.Recipe(digest), cancellation)
            || await RemovedChild.FindAsync(store, digest, cancellation) is not { Device: not null } removed
            || await FindResidentAsync(removed, news, cancellation) is not { } resident)
            return await OpenAsync(digest, news, cancellation);
        OpenModel? donor = null;
        try
        {
            donor = await OpenDonorAsync(removed, news, cancellation);
            return OpenModel.Of(removed, resident, donor, store.AddressOf(StoreNames.Checkpoint(digest)));
        }
        catch
        {
            donor?.Dispose();
            resident.Dispose();
            throw;
        }
    }

    /// <summary>Opens a model; null where the store knows none of that digest.</summary>
    public async Task<OpenModel?> FindAsync(string digest, WorkNews news, CancellationToken cancellation)
    {
        if (_admitted.TryGetValue(digest, out string? folder))
            return OpenModel.Of(digest, new(folder, null), admitted: true);
        AdmittedSource? source = await AdmittedSource.ReadAsync(store, digest, cancellation);
        if (source is { LooksUnchanged: true })
            return OpenAdmitted(source);
        if (await store.OpenCheckpointAsync(digest, progress: news.Of("download"), cancellation: cancellation) is { } held)
        {
            if (source is null)
                VerifyChild(digest, held);
            return OpenModel.Of(digest, held, source is not null);
        }
        if (source is null)
            return await RemakeAsync(digest, news.Of("remake"), cancellation);
        using (Checkpoint checkpoint = Checkpoint.Open(source.Path))
            if (Admission.Read(checkpoint).Digest != digest)
                throw new BadInputException(source.Path, null,
                    "has changed since it was admitted to the run; put the checkpoint back as it was, or begin another run");
        return OpenAdmitted(source);
    }

    /// <summary>
    /// Takes a child on the device, made again there if it is gone or was not looked at; null where it has no room.
    /// </summary>
    private async Task<ResidentModel?> FindResidentAsync(RemovedChild removed, WorkNews news, CancellationToken cancellation)
    {
        string digest = removed.Recipe.Digest;
        if (_sound.ContainsKey(digest) && Device!.Find(digest) is { } resident)
            return resident;
        using SummedChild? child = await new Making(store, this, new(store))
            .SumAsync(removed.Recipe, anew: false, news.Of("remake"), cancellation);
        if (child is not null && !_sound.ContainsKey(digest))
            VerifyChild(child, removed, cancellation);
        return child is null ? null : Device!.Find(digest);
    }

    /// <summary>
    /// Opens the model whose small files a child on the device has: a first parent, or that one's, the nearest that has files.
    /// </summary>
    private async Task<OpenModel> OpenDonorAsync(RemovedChild child, WorkNews news, CancellationToken cancellation)
    {
        string first = child.Recipe.Parents[0];
        while (!await store.ExistsAsync(StoreNames.Recipe(first), cancellation)
            && await RemovedChild.FindAsync(store, first, cancellation) is { } removed)
            first = removed.Recipe.Parents[0];
        return await OpenAsync(first, news, cancellation);
    }

    private void VerifyChild(SummedChild child, RemovedChild known, CancellationToken cancellation)
    {
        ChildOutline outline = child.Describe(store, null, cancellation);
        if (outline.Content != known.Content)
            throw new BadInputException(store.AddressOf(StoreNames.RemovedRecipe(known.Recipe.Digest)), "content",
                $"is {known.Content}, but the child made by {Device!.Name} has {outline.Content}");
        Made(known.Recipe.Digest);
    }

    private void VerifyChild(string digest, LocalCheckpoint held)
    {
        if (_sound.ContainsKey(digest))
            return;
        try
        {
            if (MergeVerification.Verify(held.Folder, mayHaveMore: true) != digest)
                throw new BadInputException(store.AddressOf(StoreNames.Recipe(digest)), "recipe",
                    "is not the one that the checkpoint is named by");
            Made(digest);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    private async Task<OpenModel?> RemakeAsync(string digest, WorkNews news, CancellationToken cancellation)
    {
        if (await RemovedChild.FindAsync(store, digest, cancellation) is not { } removed)
            return null;
        Making making = new(store, this, new(store));
        try
        {
            if (Apart(digest) is not { } folder)
            {
                await making.PublishAsync(removed.Recipe, removed, news, cancellation);
                return OpenModel.Of(
                    digest, (await store.OpenCheckpointAsync(digest, cancellation: cancellation))!, admitted: false);
            }
            if (!Directory.Exists(folder))
                await making.WriteAsync(removed.Recipe, folder, removed, news, cancellation);
            return OpenModel.Of(digest, new(folder, null), admitted: false);
        }
        catch (WorkFailedException error)
        {
            throw new BadInputException(store.AddressOf(StoreNames.RemovedRecipe(digest)), null,
                $"cannot be made again: {error.Message}");
        }
    }

    private OpenModel OpenAdmitted(AdmittedSource source)
    {
        Admitted(source.Digest, source.Path);
        return OpenModel.Of(source.Digest, new(source.Path, null), admitted: true);
    }
}
