using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// Removes checkpoints of children that their run does not keep, after their recipes are safe. One that another run of the store keeps, or
/// has not finished its generation with, stays; so does one that was admitted to a run.
/// </summary>
internal sealed class Removal(IStore store)
{
    public async Task RemoveAsync(IReadOnlyList<ModelReference> models, WorkNews news, CancellationToken cancellation)
    {
        Dictionary<string, string> contents = new(StringComparer.Ordinal);
        if (await NeededAsync(contents, cancellation) is not { } needed)
            return;
        foreach (ModelReference model in models.Where(model => !needed.Contains(model.Digest)))
        {
            if (await store.ReadAsync(StoreNames.Recipe(model.Digest), cancellation: cancellation) is { } recipe)
                await store.WriteAsync(StoreNames.RemovedRecipe(model.Digest), RemovedChild.Write(recipe, contents[model.Digest]), cancellation);
            if (await store.ExistsAsync(StoreNames.RemovedRecipe(model.Digest), cancellation))
                await store.RemoveCheckpointAsync(model.Digest, cancellation);
            news.Report(0);
        }
    }

    /// <summary>Digests of the checkpoints that must stay; null where a run cannot be read, so that nobody knows.</summary>
    /// <param name="contents">Takes up the content digest of every child.</param>
    /// <param name="cancellation">Ends the reading.</param>
    private async Task<HashSet<string>?> NeededAsync(Dictionary<string, string> contents, CancellationToken cancellation)
    {
        HashSet<string> needed = new(StringComparer.Ordinal);
        foreach (string id in await StoredRun.ListAsync(store, cancellation))
        {
            RunRecord run;
            try
            {
                run = await Runs.LoadAsync(store, id, cancellation);
            }
            catch (BadInputException)
            {
                return null;
            }
            foreach (MergeCompleted merged in run.Events.OfType<MergeCompleted>())
                contents[merged.Digest] = merged.Content;
            needed.UnionWith(run.State.Models.Values.Where(model => model.Generation > 0).Except(Keeping.Removable(run.State)).Select(model => model.Digest));
        }
        foreach (string admitted in await store.ListAsync("checkpoints", StoreNames.SourceFile, cancellation))
            if (await AdmittedSource.ReadAsync(store, admitted, cancellation) is { } source)
                needed.Add(Path.GetFileName(source.Path));
        return needed;
    }
}
