using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Audit;

/// <summary>Whether every checkpoint of a run is still, to the last bit, what the log says.</summary>
internal static class CheckpointAudit
{
    /// <exception cref="BadInputException">The first file that is not.</exception>
    public static async Task VerifyAsync(
        IStore store, IReadOnlyList<RunEvent> events, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        RunState state = RunState.Of(events);
        HashSet<string> kept = [.. Keeping.Kept(state).Select(model => model.Digest)];
        foreach (RunEvent runEvent in events)
        {
            cancellation.ThrowIfCancellationRequested();
            if (runEvent is ModelAdmitted admitted)
                await VerifyAdmittedAsync(store, admitted, new(progress, "verify", admitted.Name), cancellation);
            else if (runEvent is MergeCompleted merged)
                await VerifyChildAsync(
                    store, merged, kept.Contains(merged.Digest), new(progress, "verify", merged.Name), cancellation);
        }
    }

    private static async Task VerifyAdmittedAsync(
        IStore store, ModelAdmitted admitted, WorkNews news, CancellationToken cancellation)
    {
        news.Report(0);
        AdmittedSource source = await AdmittedSource.ReadAsync(store, admitted.Digest, cancellation)
            ?? throw new BadInputException(store.AddressOf(StoreNames.Source(admitted.Digest)), null,
                $"is missing: it says where {admitted.Name} lies");
        CheckpointManifest recorded = new([.. source.Files.Select(file => new FileDigest(file.Name, file.Length, file.Sha256))]);
        if (recorded.ContentDigest != admitted.Digest)
            throw new BadInputException(store.AddressOf(StoreNames.Source(admitted.Digest)), "files",
                $"is not what was recorded of {admitted.Name}");
        using LocalCheckpoint? held = await store.OpenCheckpointAsync(admitted.Digest, anew: true, news, cancellation);
        CheckpointDigest.Verify(held?.Folder ?? source.Path, recorded);
    }

    private static async Task VerifyChildAsync(
        IStore store, MergeCompleted merged, bool kept, WorkNews news, CancellationToken cancellation)
    {
        news.Report(0);
        string recipe = store.AddressOf(StoreNames.Recipe(merged.Digest));
        using LocalCheckpoint? held = await store.OpenCheckpointAsync(merged.Digest, anew: true, news, cancellation);
        if (held is null)
        {
            if (kept || await RemovedChild.FindAsync(store, merged.Digest, cancellation) is not { } removed)
                throw new BadInputException(recipe, null, "is missing");
            if (removed.Content != merged.Content)
                throw new BadInputException(store.AddressOf(StoreNames.RemovedRecipe(merged.Digest)), "content",
                    $"is {removed.Content}; {merged.Content} was recorded for {merged.Name}");
            return;
        }
        if (MergeVerification.Verify(held.Folder, mayHaveMore: true) != merged.Digest)
            throw new BadInputException(recipe, "recipe", $"is not the one that {merged.Name} is named by");
        ChildFiles child = (await ChildFiles.ReadAsync(store, merged.Digest, cancellation))!;
        using Checkpoint checkpoint = Checkpoint.Open(held.Folder);
        if (child.Content(checkpoint) is var content && content != merged.Content)
            throw new BadInputException(recipe, "files",
                $"gives the content digest {content}; {merged.Content} was recorded for {merged.Name}");
    }
}
