using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>Makes children, or finds those that were made before.</summary>
internal sealed class Merging(IStore store, Models models, Recipes recipes, Making making)
{
    public async Task<MergedModel> MergeAsync(MergeRequest request, WorkNews news, CancellationToken cancellation)
    {
        MergeRecipe recipe = recipes.For(request.Base.Digest, [.. request.Parents.Select(parent => parent.Digest)]);
        await making.PublishAsync(recipe, null, news, cancellation);
        using OpenModel child = await models.OpenAsync(recipe.Digest, news, cancellation);
        return new(recipe.Digest, (await ChildFiles.ReadAsync(store, recipe.Digest, cancellation))!.Content(child.Checkpoint));
    }
}
