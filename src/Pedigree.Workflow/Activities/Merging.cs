using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>Makes children, or finds those that were made before.</summary>
internal sealed class Merging(IStore store, Models models, Recipes recipes, GramCache grams)
{
    public async Task<MergedModel> MergeAsync(MergeRequest request, WorkNews news, CancellationToken cancellation)
    {
        MergeRecipe recipe = recipes.For(request.Base.Digest, [.. request.Parents.Select(parent => parent.Digest)]);
        if (!await ChildFiles.AreThereAsync(store, recipe.Digest, cancellation))
            await MakeAsync(recipe, news, cancellation);
        using OpenModel child = await models.OpenAsync(recipe.Digest, news, cancellation);
        return new(recipe.Digest, (await ChildFiles.ReadAsync(store, recipe.Digest, cancellation))!.Content(child.Checkpoint));
    }

    private async Task MakeAsync(MergeRecipe recipe, WorkNews news, CancellationToken cancellation)
    {
        // Under the recipe's name: what is interrupted goes on from there.
        using WorkFolder work = await store.OpenWorkFolderAsync(recipe.Digest, cancellation);
        if (await ChildFiles.AreThereAsync(store, recipe.Digest, cancellation))
            return;
        string made = Path.Combine(work.Path, recipe.Digest);
        if (!Directory.Exists(made))
            await MakeAsync(recipe, work, made, news, cancellation);
        await store.PublishCheckpointAsync(recipe.Digest, made, news.Of("upload"), cancellation);
        models.Made(recipe.Digest);
        if (Directory.Exists(made))
            Directory.Delete(made, recursive: true);
    }

    private async Task MakeAsync(MergeRecipe recipe, WorkFolder work, string folder, WorkNews news, CancellationToken cancellation)
    {
        using OpenFamily family = await OpenFamily.OpenAsync([recipe.Ancestor!, .. recipe.Parents], models, news, cancellation);
        List<GramRow> rows = [];
        foreach (string parent in recipe.Parents)
            if (await grams.FindAsync(recipe.Ancestor!, parent, measured: true, cancellation) is { } row)
                rows.Add(row);
        try
        {
            IReadOnlyList<Relative> relatives = family.Relatives;
            Merger.Merge(
                recipe, [.. relatives.Skip(1)], relatives[0], rows.Count == recipe.Parents.Count ? rows : null, folder,
                progress: news, cancellation: cancellation);
        }
        catch (BadInputException error) when (!error.File.StartsWith(work.Path, StringComparison.Ordinal))
        {
            // Open parents that cannot be merged never can; what could not be written may be tried again.
            throw new WorkFailedException(error.Message, error);
        }
    }
}
