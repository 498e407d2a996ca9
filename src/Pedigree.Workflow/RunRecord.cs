using System.Text;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow.Report;

namespace Pedigree.Workflow;

/// <summary>A run as its log tells it.</summary>
/// <param name="Run">Its things in the store.</param>
/// <param name="Log">Every event with its time.</param>
/// <param name="State">What follows from the events.</param>
public sealed record RunRecord(StoredRun Run, IReadOnlyList<LoggedEvent> Log, RunState State)
{
    /// <summary>The run's id.</summary>
    public string Id => Run.Id;

    /// <summary>The store it is in.</summary>
    public IStore Store => Run.Store;

    /// <summary>The events, in order.</summary>
    public IReadOnlyList<RunEvent> Events { get; } = [.. Log.Select(logged => logged.Event)];

    /// <summary>
    /// Where a model of this run lies: in the store for a child, where it was admitted from otherwise; null where it was removed.
    /// </summary>
    public Task<string?> AddressOfAsync(Model model) => Activities.Models.AddressOfAsync(Store, model.Digest);

    /// <summary>Writes the report beside the log.</summary>
    public Task WriteReportAsync() => Store.WriteAsync(Run.Report, Encoding.UTF8.GetBytes(RunReport.Html(Id, Events)));

    internal static RunRecord Of(StoredRun run, IReadOnlyList<LoggedEvent> log) =>
        new(run, log, RunState.Of(log.Select(logged => logged.Event)));
}
