using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Workflow;

/// <summary>A run as its log tells it.</summary>
/// <param name="Id">The run's id.</param>
/// <param name="Store">The store it is in.</param>
/// <param name="Log">Every event with its time.</param>
/// <param name="State">What follows from the events.</param>
public sealed record RunRecord(string Id, Store Store, IReadOnlyList<LoggedEvent> Log, RunState State)
{
    /// <summary>The events, in order.</summary>
    public IReadOnlyList<RunEvent> Events { get; } = [.. Log.Select(logged => logged.Event)];

    /// <summary>Where it lies.</summary>
    public RunFolder Folder => Store.Run(Id);

    /// <summary>The folder of a model of this run: in the store for a child, where it was admitted from otherwise.</summary>
    public string PathOf(Model model) => Activities.Models.FolderOf(Store, model.Digest);

    internal static RunRecord Of(string id, Store store, IReadOnlyList<LoggedEvent> log) =>
        new(id, store, log, log.Aggregate(RunState.Empty, (state, logged) => state.Apply(logged.Event)));
}
