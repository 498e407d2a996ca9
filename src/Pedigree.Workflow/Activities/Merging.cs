using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>Makes children, or finds those that were made before.</summary>
internal sealed class Merging(Store store, RunJournal journal, Models models, Recipes recipes, GramCache grams)
{
    public MergedModel Merge(MergeRequest request, Action<double> progress, CancellationToken cancellation)
    {
        MergeRecipe recipe = recipes.For(request.Base.Digest, [.. request.Parents.Select(parent => parent.Digest)]);
        string folder = store.Checkpoint(recipe.Digest);
        if (!Directory.Exists(folder))
            Make(recipe, folder, progress, cancellation);
        using Checkpoint child = models.Open(recipe.Digest);
        return new(recipe.Digest, ChildFiles.Read(folder).Content(child));
    }

    private void Make(MergeRecipe recipe, string folder, Action<double> progress, CancellationToken cancellation)
    {
        string half = Path.Combine(journal.Temporary, recipe.Digest);
        List<Relative> opened = [];
        try
        {
            foreach (string digest in (string[])[recipe.Ancestor!, .. recipe.Parents])
                opened.Add(new(digest, models.Open(digest)));
            GramRow[] rows = [.. recipe.Parents.Select(parent => grams.Find(recipe.Ancestor!, parent, measured: true)).OfType<GramRow>()];
            Merger.Merge(
                recipe, opened[1..], opened[0], rows.Length == recipe.Parents.Count ? rows : null, half,
                progress: new FractionProgress(progress), cancellation: cancellation);
        }
        catch (BadInputException error) when (!error.File.StartsWith(journal.Temporary, StringComparison.Ordinal) && opened.Count > recipe.Parents.Count)
        {
            // Open parents that cannot be merged never can; what could not be written may be tried again.
            throw new WorkFailedException(error.Message, error);
        }
        finally
        {
            foreach (Relative relative in opened)
                relative.Checkpoint.Dispose();
        }
        Directory.CreateDirectory(Path.GetDirectoryName(folder)!);
        try
        {
            Directory.Move(half, folder);
        }
        catch (IOException) when (Directory.Exists(folder))
        {
            // Another run of this store has made the same child in the meantime.
            Directory.Delete(half, recursive: true);
        }
        DurableFiles.FlushFolder(Path.GetDirectoryName(folder)!);
    }
}
