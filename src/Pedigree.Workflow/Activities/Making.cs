using System.Diagnostics;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>Makes children from their recipes: files, or the weights alone in the memory of a device.</summary>
internal sealed class Making(IStore store, Models models, GramCache grams)
{
    /// <summary>Makes a child a checkpoint of the store, unless it is one.</summary>
    /// <param name="recipe">How.</param>
    /// <param name="known">What it was when it was made before; null: it is made for the first time.</param>
    /// <param name="news">Told of the work.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="WorkFailedException">It can never be made.</exception>
    public async Task PublishAsync(MergeRecipe recipe, RemovedChild? known, WorkNews news, CancellationToken cancellation)
    {
        if (await ChildFiles.AreThereAsync(store, recipe.Digest, cancellation))
            return;
        // Under the recipe's name: what is interrupted goes on from there.
        using WorkFolder work = await store.OpenWorkFolderAsync(recipe.Digest, cancellation);
        if (await ChildFiles.AreThereAsync(store, recipe.Digest, cancellation))
            return;
        string made = Path.Combine(work.Path, recipe.Digest);
        if (!Directory.Exists(made))
            await WriteAsync(recipe, made, known, news, cancellation);
        await store.PublishCheckpointAsync(recipe.Digest, made, news.Of("upload"), cancellation);
        models.Made(recipe.Digest);
        if (Directory.Exists(made))
            Directory.Delete(made, recursive: true);
    }

    /// <summary>Makes a child in a folder that does not exist.</summary>
    /// <param name="recipe">How.</param>
    /// <param name="folder">Where.</param>
    /// <param name="known">What it must be again; null: it is made for the first time.</param>
    /// <param name="news">Told of the work.</param>
    /// <param name="cancellation">Ends the work; the same call goes on from the shards that were finished.</param>
    /// <exception cref="BadInputException">It comes out otherwise, and is not kept; or there is no room.</exception>
    /// <exception cref="WorkFailedException">It can never be made.</exception>
    public async Task WriteAsync(
        MergeRecipe recipe, string folder, RemovedChild? known, WorkNews news, CancellationToken cancellation)
    {
        WrittenChild child = await WriteAsync(recipe, folder, known?.Device, anew: false, news, cancellation);
        if (known is null || child.Content == known.Content)
            return;
        Directory.Delete(folder, recursive: true);
        string address = store.AddressOf(StoreNames.RemovedRecipe(recipe.Digest));
        throw child.OnItsDevice
            ? new BadInputException(address, "content",
                $"is {known.Content}, but the child made again from its recipe has {child.Content}; it is not kept")
            : new UnavailableException(address, "content",
                $"is {known.Content}, made by {known.Device}, which is not to be had here; "
                + $"this processor makes {child.Content}, which is not kept. Ask for the child where there is such a device");
    }

    /// <summary>The same whatever comes out.</summary>
    /// <param name="recipe">How.</param>
    /// <param name="folder">Where.</param>
    /// <param name="device">The device that made it before; it is made by one of its kind if there is one here.</param>
    /// <param name="anew">Whether what the device's memory may have of it is not to be trusted.</param>
    /// <param name="news">Told of the work.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="WorkFailedException">It can never be made.</exception>
    public async Task<WrittenChild> WriteAsync(
        MergeRecipe recipe, string folder, string? device, bool anew, WorkNews news, CancellationToken cancellation)
    {
        using SummedChild? summed = device is null ? null : await SumAsync(recipe, anew, news, cancellation);
        if (summed is not null)
            return new(summed.Plan.Write(summed.Model.Read, folder, news, cancellation).ContentDigest, OnItsDevice: true);
        using OpenFamily family = await OpenAsync(recipe, news, cancellation);
        IReadOnlyList<Relative> relatives = family.Relatives;
        IReadOnlyList<GramRow>? rows = await RowsAsync(recipe, cancellation);
        try
        {
            // Without rows it may read its parents twice, and from a device it reads them otherwise.
            bool isTimed = rows is not null
                && !family.IsOnDevice
                && !Directory.Exists(Merger.PartialFolder(folder, recipe.Digest));
            long begun = Stopwatch.GetTimestamp();
            CheckpointManifest child = Merger.Merge(
                recipe, [.. relatives.Skip(1)], relatives[0], rows, folder, progress: news, cancellation: cancellation);
            if (isTimed)
                MergeSpeeds.Add(new(recipe.Body.Method.Name, BytesMerged(recipe, relatives, child),
                    Stopwatch.GetElapsedTime(begun).TotalSeconds));
            return new(child.ContentDigest, OnItsDevice: device is null);
        }
        catch (BadInputException error) when (error is not UnavailableException)
        {
            // Open parents that cannot be merged never can; what could not be read or written may be tried again.
            throw new WorkFailedException(error.Message, error);
        }
    }

    /// <summary>
    /// A child in the memory of this machine's device, summed there unless it is there. Null where there is no device, or it
    /// cannot be there now.
    /// </summary>
    public async Task<SummedChild?> SumAsync(MergeRecipe recipe, bool anew, WorkNews news, CancellationToken cancellation)
    {
        if (models.Device is not { } device)
            return null;
        OpenFamily family = await OpenAsync(recipe, news, cancellation);
        SummedChild? child = null;
        try
        {
            IReadOnlyList<Relative> relatives = family.Relatives;
            IReadOnlyList<GramRow>? rows = await RowsAsync(recipe, cancellation);
            if (SummedMerge.Plan(recipe, [.. relatives.Skip(1)], relatives[0], rows, cancellation) is { } plan
                && device.Sum(plan, anew) is { } model)
                child = new(family, plan, model);
            return child;
        }
        catch (BadInputException error) when (error is not UnavailableException)
        {
            // The processor says what is wrong.
            return null;
        }
        finally
        {
            if (child is null)
                family.Dispose();
        }
    }

    /// <summary>Its sources, read once; the child, written and read for its digest.</summary>
    private static long BytesMerged(MergeRecipe recipe, IReadOnlyList<Relative> relatives, CheckpointManifest child) =>
        relatives.Skip(recipe.Body.HasOrigin ? 0 : 1).Sum(source => source.Checkpoint.ByteLength)
        + (2 * child.Files.Sum(file => file.Length));

    private Task<OpenFamily> OpenAsync(MergeRecipe recipe, WorkNews news, CancellationToken cancellation) =>
        OpenFamily.OpenAsync([recipe.Ancestor!, .. recipe.Parents], models, news, cancellation);

    private async Task<IReadOnlyList<GramRow>?> RowsAsync(MergeRecipe recipe, CancellationToken cancellation)
    {
        List<GramRow> rows = [];
        foreach (string parent in recipe.Parents)
            if (await grams.FindAsync(recipe.Ancestor!, parent, measured: true, cancellation) is { } row)
                rows.Add(row);
        return rows.Count == recipe.Parents.Count && GramRow.AllRelated(rows) ? rows : null;
    }
}

/// <summary>What came out.</summary>
/// <param name="Content">Its content digest.</param>
/// <param name="OnItsDevice">Whether it was made by the kind of device that was asked for.</param>
internal sealed record WrittenChild(string Content, bool OnItsDevice);
