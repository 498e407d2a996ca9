using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow;

/// <summary>The runs in a store. Reading changes nothing.</summary>
public static class Runs
{
    /// <summary>Ids of all runs, in ordinal order; none where there is no store.</summary>
    public static IReadOnlyList<string> List(string store) => new Store(store).Runs;

    /// <summary>A run, finished or not; its log is verified.</summary>
    /// <exception cref="BadInputException">There is no such run, or its log is damaged.</exception>
    public static RunRecord Load(string store, string id)
    {
        Store folder = new(store);
        RunFolder run = Existing(folder, id);
        return RunRecord.Of(id, folder, EventLog.Read(run.Log, id));
    }

    internal static RunFolder Existing(Store store, string id) =>
        store.Run(id) is { Exists: true } run ? run : throw new BadInputException(store.Root, "run", store.Runs is [_, ..] runs
            ? $"there is no run `{id}`; there are: {string.Join(", ", runs)}" : $"there is no run `{id}`, and no other in this store");
}
