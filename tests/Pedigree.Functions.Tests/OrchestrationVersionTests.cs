using System.Text.Json.Nodes;
using Microsoft.DurableTask.Protobuf;
using Pedigree.Evolution;
using Pedigree.Functions.Orchestration;

namespace Pedigree.Functions.Tests;

/// <summary>
/// Orchestrations that were begun by an app of today's or an earlier version, as that app left them in Durable Task, and are
/// found by today's app: whatever was recorded is decided again.
/// </summary>
public sealed class OrchestrationVersionTests
{
    private static string Recorded { get; } = Path.Combine(Samples.Root, "tests", "Pedigree.Functions.Tests", "Versions");

    /// <summary>Every version, and which checkpoints its run keeps where these are not all.</summary>
    public static TheoryData<string> Histories { get; } = new(
        Directory.EnumerateFiles(Recorded, "*.jsonl").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal)!);

    [Theory]
    [MemberData(nameof(Histories))]
    public void A_run_in_flight_that_was_begun_by_a_version_goes_on_from_wherever_it_was(string recorded)
    {
        foreach (IReadOnlyList<HistoryEvent> history in OrchestrationHistory.Read(Path.Combine(Recorded, $"{recorded}.jsonl")))
        {
            int[] steps = [.. history.Index()
                .Where(each => each.Item.OrchestratorStarted is not null)
                .Select(each => each.Index), history.Count];
            foreach ((int from, int to) in steps.Zip(steps.Skip(1)))
            {
                IReadOnlyList<OrchestratorAction> actions =
                    OrchestrationHistory.Run(
                        history.Take(from), history.Take(from..to).Where(each => each.TaskScheduled is null)).Actions;
                Assert.Equal(
                    history.Take(from..to)
                        .Where(each => each.TaskScheduled is not null)
                        .Select(each => (each.EventId, each.TaskScheduled.Name)),
                    actions.Where(action => action.ScheduleTask is not null)
                        .Select(action => (action.Id, action.ScheduleTask.Name)));
                CompleteOrchestrationAction? completed = actions.Select(action => action.CompleteOrchestration)
                    .SingleOrDefault(action => action is not null);
                Assert.Equal(to == history.Count,
                    completed?.OrchestrationStatus is OrchestrationStatus.Completed or OrchestrationStatus.ContinuedAsNew);
                Assert.True(completed?.OrchestrationStatus != OrchestrationStatus.Failed, $"{completed?.FailureDetails}");
            }
        }
    }

    /// <summary>
    /// A change of what the orchestrator calls, or in which order, comes with a higher version, whose history is recorded too.
    /// </summary>
    [Theory]
    [InlineData(Keep.All, "")]
    [InlineData(Keep.TopK, "-top-k")]
    [InlineData(Keep.Best, "-best")]
    public async Task The_version_of_new_runs_is_recorded(Keep keep, string ending)
    {
        string version = (string)JsonNode.Parse(
            File.ReadAllText(Path.Combine(Samples.Root, "host.json")))!["extensions"]!["durableTask"]!["defaultVersion"]!;
        Assert.Equal(EvolveOrchestrator.Version, version);
        string path = Path.Combine(Recorded, $"{version}{ending}.jsonl");
        if (File.Exists(path))
            return;
        OrchestrationHistory.Write(path, await OrchestrationHistory.RecordAsync(version, keep));
        Assert.Fail($"version {version} was recorded just now, as {path}: keep it with the "
            + "change that raised the version, and never change it");
    }
}
