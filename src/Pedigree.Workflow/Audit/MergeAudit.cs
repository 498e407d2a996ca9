using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Audit;

/// <summary>Makes every child of a run again from its parents, elsewhere and from their weights alone, and compares.</summary>
internal static class MergeAudit
{
    /// <exception cref="BadInputException">The first child that comes out otherwise.</exception>
    public static async Task VerifyAsync(
        StoredRun run, IReadOnlyList<RunEvent> events, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        RunState state = events.Aggregate(RunState.Empty, (before, next) => before.Apply(next));
        Recipes recipes = new(run.Store, state.Spec!, run.LogAddress);
        Dictionary<string, string> digests = events.OfType<MergeCompleted>().ToDictionary(merged => merged.Name, merged => merged.Digest);
        foreach (ModelAdmitted admitted in events.OfType<ModelAdmitted>())
            digests[admitted.Name] = admitted.Digest;
        Models models = new(run.Store);
        DirectoryInfo temporary = Directory.CreateTempSubdirectory("pedigree-");
        try
        {
            foreach (MergeCompleted merged in events.OfType<MergeCompleted>())
            {
                MergeRecipe recipe = recipes.For(state.Base!.Digest, [.. merged.Parents.Select(parent => digests[parent])]);
                if (recipe.Digest != merged.Digest)
                    throw new BadInputException(run.LogAddress, merged.Name, $"its recipe's digest is {recipe.Digest}; {merged.Digest} was recorded");
                string content = await MakeAsync(models, recipe, Path.Combine(temporary.FullName, recipe.Digest),
                    new(progress, "merge", merged.Name), cancellation);
                if (content != merged.Content)
                    throw new BadInputException(run.Store.AddressOf(StoreNames.Checkpoint(merged.Digest)), null,
                        $"{merged.Name} made again has the content digest {content}; {merged.Content} was recorded");
            }
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private static async Task<string> MakeAsync(Models models, MergeRecipe recipe, string folder, WorkNews news, CancellationToken cancellation)
    {
        using (OpenFamily family = await OpenFamily.OpenAsync([recipe.Ancestor!, .. recipe.Parents], models, news, cancellation))
        {
            IReadOnlyList<Relative> relatives = family.Relatives;
            Merger.Merge(recipe, [.. relatives.Skip(1)], relatives[0], null, folder, progress: news, cancellation: cancellation);
        }
        using Checkpoint child = Checkpoint.Open(folder);
        string content = CheckpointDigest.Compute(child).ContentDigest;
        Directory.Delete(folder, recursive: true);
        return content;
    }
}
