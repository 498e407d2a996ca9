using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow;

/// <summary>The runs in a store. Reading changes nothing.</summary>
public static class Runs
{
    /// <summary>Ids of all runs, in ordinal order; none where there is no store.</summary>
    /// <exception cref="BadInputException">The store is a file.</exception>
    public static Task<IReadOnlyList<string>> ListAsync(IStore store, CancellationToken cancellation = default) =>
        !File.Exists(store.Address) ? StoredRun.ListAsync(store, cancellation)
            : throw new BadInputException(store.Address, null, "is a file; name the folder of a store");

    /// <summary>A run, finished or not; its log is verified.</summary>
    /// <exception cref="BadInputException">There is no such run, or its log is damaged.</exception>
    public static async Task<RunRecord> LoadAsync(IStore store, string id, CancellationToken cancellation = default)
    {
        StoredRun run = await ExistingAsync(store, id, cancellation);
        return RunRecord.Of(run, await EventLog.ReadAsync(run, cancellation: cancellation));
    }

    internal static async Task<StoredRun> ExistingAsync(IStore store, string id, CancellationToken cancellation)
    {
        StoredRun run = new(store, id);
        if (await run.ExistsAsync(cancellation))
            return run;
        throw new BadInputException(store.Address, "run", await ListAsync(store, cancellation) is [_, ..] runs
            ? $"there is no run `{id}`; there are: {string.Join(", ", runs)}"
            : $"there is no run `{id}`, and no other in this store");
    }
}
