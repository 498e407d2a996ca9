using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>The recipes of a run's children.</summary>
/// <param name="store">The store.</param>
/// <param name="spec">The run's spec: how to merge, and the seed of random methods.</param>
/// <param name="file">What errors call the spec.</param>
internal sealed class Recipes(IStore store, RunSpec spec, string file)
{
    private readonly MergeBody _body = MergeBody.Parse(ConfigurationReader.Parse(
        file, new JsonObject { ["merge"] = spec.Merge.DeepClone() }.ToJsonString()).RequiredMapping("merge"));
    private readonly ConcurrentDictionary<string, MergeRecipe> _made = new(StringComparer.Ordinal);

    /// <summary>Refuses a merge that could make no child of models like this one.</summary>
    /// <exception cref="BadInputException">Names the spec and the parameter.</exception>
    public void Check(Checkpoint model)
    {
        MergePlan plan = new(_body, 2, model.MergedTensors);
        if (!plan.NeedsGram)
            plan.Coefficients(null);
    }

    /// <summary>The recipe of a child to be.</summary>
    public MergeRecipe For(string ancestor, IReadOnlyList<string> parents)
    {
        MergeRecipe recipe = new(_body, parents, ancestor, spec.Seed);
        return _made[recipe.Digest] = recipe;
    }

    /// <summary>The recipe of a child in the store; null where the digest is that of an admitted model.</summary>
    /// <exception cref="BadInputException">The recipe in the store is not the one that it is named by.</exception>
    public async Task<MergeRecipe?> FindAsync(string digest, CancellationToken cancellation)
    {
        if (_made.TryGetValue(digest, out MergeRecipe? made))
            return made;
        if (await ChildFiles.ReadAsync(store, digest, cancellation) is not { } child)
            return null;
        MergeRecipe recipe = For(child.Ancestor, child.Parents);
        return recipe.Digest == digest ? recipe
            : throw new BadInputException(store.AddressOf(StoreNames.Recipe(digest)), "recipe",
                "is not the one that the checkpoint is named by");
    }
}
