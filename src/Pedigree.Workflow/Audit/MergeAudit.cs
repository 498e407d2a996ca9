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
    public static void Verify(
        Store store, IReadOnlyList<RunEvent> events, string log, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        RunState state = events.Aggregate(RunState.Empty, (before, next) => before.Apply(next));
        Recipes recipes = new(store, state.Spec!, log);
        Dictionary<string, string> digests = events.OfType<MergeCompleted>().ToDictionary(merged => merged.Name, merged => merged.Digest);
        foreach (ModelAdmitted admitted in events.OfType<ModelAdmitted>())
            digests[admitted.Name] = admitted.Digest;
        DirectoryInfo temporary = Directory.CreateTempSubdirectory("pedigree-");
        try
        {
            foreach (MergeCompleted merged in events.OfType<MergeCompleted>())
            {
                MergeRecipe recipe = recipes.For(state.Base!.Digest, [.. merged.Parents.Select(parent => digests[parent])]);
                if (recipe.Digest != merged.Digest)
                    throw new BadInputException(log, merged.Name, $"its recipe's digest is {recipe.Digest}; {merged.Digest} was recorded");
                string content = Make(store, recipe, Path.Combine(temporary.FullName, recipe.Digest),
                    fraction => progress?.Report(new WorkProgress("merge", merged.Name, fraction)), cancellation);
                if (content != merged.Content)
                    throw new BadInputException(store.Checkpoint(merged.Digest), null,
                        $"{merged.Name} made again has the content digest {content}; {merged.Content} was recorded");
            }
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private static string Make(Store store, MergeRecipe recipe, string folder, Action<double> progress, CancellationToken cancellation)
    {
        List<Relative> opened = [];
        try
        {
            foreach (string digest in (string[])[recipe.Ancestor!, .. recipe.Parents])
                opened.Add(new(digest, Checkpoint.Open(Models.FolderOf(store, digest))));
            Merger.Merge(recipe, opened[1..], opened[0], null, folder, progress: new FractionProgress(progress), cancellation: cancellation);
        }
        finally
        {
            foreach (Relative relative in opened)
                relative.Checkpoint.Dispose();
        }
        using Checkpoint child = Checkpoint.Open(folder);
        string content = CheckpointDigest.Compute(child).ContentDigest;
        Directory.Delete(folder, recursive: true);
        return content;
    }
}
