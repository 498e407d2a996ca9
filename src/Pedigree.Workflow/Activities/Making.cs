using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>Makes children from their recipes.</summary>
internal sealed class Making(IStore store, Models models, GramCache grams)
{
    /// <summary>Makes a child a checkpoint of the store, unless it is one.</summary>
    /// <exception cref="Evolution.WorkFailedException">It can never be made.</exception>
    public async Task PublishAsync(MergeRecipe recipe, string? content, WorkNews news, CancellationToken cancellation)
    {
        if (await ChildFiles.AreThereAsync(store, recipe.Digest, cancellation))
            return;
        // Under the recipe's name: what is interrupted goes on from there.
        using WorkFolder work = await store.OpenWorkFolderAsync(recipe.Digest, cancellation);
        if (await ChildFiles.AreThereAsync(store, recipe.Digest, cancellation))
            return;
        string made = Path.Combine(work.Path, recipe.Digest);
        if (!Directory.Exists(made))
            await WriteAsync(recipe, made, content, news, cancellation);
        await store.PublishCheckpointAsync(recipe.Digest, made, news.Of("upload"), cancellation);
        models.Made(recipe.Digest);
        if (Directory.Exists(made))
            Directory.Delete(made, recursive: true);
    }

    /// <summary>Makes a child in a folder that does not exist.</summary>
    /// <param name="recipe">How.</param>
    /// <param name="folder">Where.</param>
    /// <param name="content">What its content digest must be; null: it is made for the first time.</param>
    /// <param name="news">Told of the work.</param>
    /// <param name="cancellation">Ends it; the same call goes on from the shards that were finished.</param>
    /// <exception cref="BadInputException">It comes out otherwise, and is not kept; or there is no room.</exception>
    /// <exception cref="Evolution.WorkFailedException">It can never be made.</exception>
    public async Task WriteAsync(MergeRecipe recipe, string folder, string? content, WorkNews news, CancellationToken cancellation)
    {
        using OpenFamily family = await OpenFamily.OpenAsync([recipe.Ancestor!, .. recipe.Parents], models, news, cancellation);
        List<GramRow> rows = [];
        foreach (string parent in recipe.Parents)
            if (await grams.FindAsync(recipe.Ancestor!, parent, measured: true, cancellation) is { } row)
                rows.Add(row);
        CheckpointManifest manifest;
        try
        {
            IReadOnlyList<Relative> relatives = family.Relatives;
            manifest = Merger.Merge(
                recipe, [.. relatives.Skip(1)], relatives[0], rows.Count == recipe.Parents.Count ? rows : null, folder,
                progress: news, cancellation: cancellation);
        }
        catch (BadInputException error) when (error is not UnavailableException)
        {
            // Open parents that cannot be merged never can; what could not be read or written may be tried again.
            throw new Evolution.WorkFailedException(error.Message, error);
        }
        if (content is null || manifest.ContentDigest == content)
            return;
        Directory.Delete(folder, recursive: true);
        throw new BadInputException(store.AddressOf(StoreNames.RemovedRecipe(recipe.Digest)), "content",
            $"is {content}, but the child made again from its recipe has {manifest.ContentDigest}; it is not kept");
    }
}
