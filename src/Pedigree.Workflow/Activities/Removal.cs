using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// Removes checkpoints of children that their run does not keep, after their recipes are safe. One that another run of the store
/// keeps, or has not finished its generation with, stays; so does one that was admitted to a run. Of the runs' logs only what was
/// appended since the last time is read.
/// </summary>
internal sealed class Removal(IStore store)
{
    private readonly SemaphoreSlim _one = new(1);
    private Dictionary<string, FollowedRun> _runs = new(StringComparer.Ordinal);

    public async Task RemoveAsync(IReadOnlyList<ModelReference> models, WorkNews news, CancellationToken cancellation)
    {
        await _one.WaitAsync(cancellation);
        try
        {
            if (!await ReadOnAsync(cancellation))
                return;
            foreach (string digest in models.Select(model => model.Digest)
                .Where(digest => !_runs.Values.Any(run => run.Needs.Contains(digest))))
            {
                MergeCompleted made = _runs.Values.Select(run => run.Made.GetValueOrDefault(digest))
                    .OfType<MergeCompleted>().First();
                if (await AdmittedSource.ReadAsync(store, made.Content, cancellation) is not { } admitted
                    || Path.GetFileName(admitted.Path) != digest)
                    await RemoveAsync(made, cancellation);
                news.Report(0);
            }
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task RemoveAsync(MergeCompleted made, CancellationToken cancellation)
    {
        string digest = made.Digest;
        if (await store.ReadAsync(StoreNames.Recipe(digest), cancellation: cancellation) is { } recipe)
            await store.WriteAsync(
                StoreNames.RemovedRecipe(digest), RemovedChild.Write(recipe, made.Content, made.Device), cancellation);
        if (await store.ExistsAsync(StoreNames.RemovedRecipe(digest), cancellation))
            await store.RemoveCheckpointAsync(digest, cancellation);
    }

    /// <summary>
    /// Reads what the runs have recorded since; false where one cannot be read, so that nobody knows what must stay.
    /// </summary>
    private async Task<bool> ReadOnAsync(CancellationToken cancellation)
    {
        Dictionary<string, FollowedRun> runs = new(StringComparer.Ordinal);
        foreach (string id in await StoredRun.ListAsync(store, cancellation))
            runs.Add(id, _runs.GetValueOrDefault(id) ?? new(new(store, id)));
        _runs = runs;
        try
        {
            foreach (FollowedRun run in runs.Values)
                await run.ReadOnAsync(cancellation);
            return true;
        }
        catch (BadInputException)
        {
            _runs.Clear();
            return false;
        }
    }

    /// <summary>
    /// What a run says of its children's checkpoints. Once it is over nothing can be added, and no more is kept of it than that.
    /// </summary>
    private sealed class FollowedRun(StoredRun run)
    {
        private EventLog? _log = new(run);
        private RunState _state = RunState.Empty;

        /// <summary>Digests of the checkpoints that must stay for it.</summary>
        public HashSet<string> Needs { get; private set; } = [];

        /// <summary>The children, by their digests.</summary>
        public Dictionary<string, MergeCompleted> Made { get; } = new(StringComparer.Ordinal);

        public async Task ReadOnAsync(CancellationToken cancellation)
        {
            if (_log is null || await _log.ReadOnAsync(cancellation: cancellation) is not [_, ..] news)
                return;
            foreach (RunEvent happened in news.Select(logged => logged.Event))
            {
                _state = _state.Apply(happened);
                if (happened is MergeCompleted merged)
                    Made[merged.Digest] = merged;
            }
            Needs = [.. _state.Models.Values.Where(model => model.Generation > 0)
                .Except(Keeping.Removable(_state))
                .Select(model => model.Digest)];
            if (_state.Completed is not null)
                (_log, _state) = (null, RunState.Empty);
        }
    }
}
