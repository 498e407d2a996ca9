using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Merging;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Audit;

/// <summary>Makes every child of a run again from its parents, elsewhere and from their weights alone, and compares.</summary>
internal static class MergeAudit
{
    /// <param name="run">The run.</param>
    /// <param name="events">Its log.</param>
    /// <param name="models">Where parents are found; children that were removed stay there, for those made of them.</param>
    /// <param name="progress">Told of the work.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="DifferenceException">The first child that comes out otherwise.</exception>
    /// <exception cref="UnavailableException">
    /// It was made by a device that this machine has not, and comes out otherwise here.
    /// </exception>
    public static async Task VerifyAsync(
        StoredRun run,
        IReadOnlyList<RunEvent> events,
        Models models,
        IProgress<RunProgress>? progress,
        CancellationToken cancellation)
    {
        RunState state = RunState.Of(events);
        Recipes recipes = new(run.Store, state.Spec!, run.LogAddress);
        Dictionary<string, string> digests = events.OfType<MergeCompleted>()
            .ToDictionary(merged => merged.Name, merged => merged.Digest);
        foreach (ModelAdmitted admitted in events.OfType<ModelAdmitted>())
            digests[admitted.Name] = admitted.Digest;
        foreach (MergeCompleted merged in events.OfType<MergeCompleted>())
        {
            MergeRecipe recipe = recipes.For(state.Base!.Digest, [.. merged.Parents.Select(parent => digests[parent])]);
            if (recipe.Digest != merged.Digest)
                throw new DifferenceException(run.LogAddress, merged.Name,
                    $"its recipe's digest is {recipe.Digest}; {merged.Digest} was recorded");
            string address = run.Store.AddressOf(StoreNames.Checkpoint(merged.Digest));
            string folder = models.Apart(recipe.Digest)!;
            WrittenChild child = await new Making(run.Store, models, new(null)).WriteAsync(
                recipe, folder, merged.Device, anew: true, new(progress, "merge", merged.Name), cancellation);
            if (child.Content != merged.Content)
                throw child.OnItsDevice ? new DifferenceException(address, null,
                    $"{merged.Name} made again has the content digest {child.Content}; {merged.Content} was recorded")
                    : new UnavailableException(address, null,
                        $"{merged.Name} was made by {merged.Device}, and comes out otherwise by this processor; "
                        + "it can only be checked where there is such a device");
            if (await run.Store.ExistsAsync(StoreNames.Recipe(recipe.Digest), cancellation))
                Directory.Delete(folder, recursive: true);
        }
    }
}
