using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>Makes children, or finds those that were made before.</summary>
/// <param name="store">The store.</param>
/// <param name="models">Opens models.</param>
/// <param name="recipes">The run's recipes.</param>
/// <param name="making">Makes them.</param>
/// <param name="inMemory">
/// Whether a child that can be is made in the memory of a device, and not written before it is needed.
/// </param>
internal sealed class Merging(IStore store, Models models, Recipes recipes, Making making, bool inMemory)
{
    public async Task<MergedModel> MergeAsync(MergeRequest request, WorkNews news, CancellationToken cancellation)
    {
        MergeRecipe recipe = recipes.For(request.Base.Digest, [.. request.Parents.Select(parent => parent.Digest)]);
        if (inMemory
            && !await ChildFiles.AreThereAsync(store, recipe.Digest, cancellation)
            && await SumAsync(recipe, news, cancellation) is { } summed)
            return summed;
        await making.PublishAsync(recipe, null, news, cancellation);
        using OpenModel child = await models.OpenAsync(recipe.Digest, news, cancellation);
        return new(recipe.Digest, (await ChildFiles.ReadAsync(store, recipe.Digest, cancellation))!.Content(child.Checkpoint));
    }

    /// <summary>
    /// Keeps of a child in a device's memory what is kept of one that was removed: whoever needs its files makes it again.
    /// </summary>
    private async Task<MergedModel?> SumAsync(MergeRecipe recipe, WorkNews news, CancellationToken cancellation)
    {
        using SummedChild? child = await making.SumAsync(recipe, anew: false, news, cancellation);
        if (child is null)
            return null;
        ChildOutline outline = child.Describe(store, news, cancellation);
        if (await RemovedChild.FindAsync(store, recipe.Digest, cancellation) is { } known && known.Content != outline.Content)
            throw new BadInputException(store.AddressOf(StoreNames.RemovedRecipe(recipe.Digest)), "content",
                $"is {known.Content}, but the child made from its recipe by {models.Device!.Name} has {outline.Content}");
        await store.WriteAsync(StoreNames.RemovedRecipe(recipe.Digest),
            RemovedChild.Write(outline.Recipe, outline.Content, models.Device!.Name), cancellation);
        models.Made(recipe.Digest);
        return new(recipe.Digest, outline.Content, models.Device.Name);
    }
}
