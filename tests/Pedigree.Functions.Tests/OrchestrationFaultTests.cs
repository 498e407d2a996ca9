using System.Text.Json;
using Microsoft.DurableTask.Protobuf;
using Pedigree.Evolution;
using Pedigree.Functions.Activities;
using Pedigree.Functions.Orchestration;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow;

namespace Pedigree.Functions.Tests;

/// <summary>What becomes of an orchestration whose activities fail.</summary>
public sealed class OrchestrationFaultTests
{
    private readonly List<HistoryEvent> _history =
    [
        OrchestrationHistory.Step(),
        OrchestrationHistory.Begun(EvolveOrchestrator.Version),
        new() { EventId = 0, Timestamp = new(), TaskScheduled = new() { Name = nameof(LogActivities.ReadLog) } },
    ];

    [Fact]
    public void A_fault_that_may_pass_is_tried_again_ten_seconds_later_and_stops_nothing()
    {
        HistoryEvent failed = OrchestrationHistory.New();
        failed.TaskFailed = new()
        {
            TaskScheduledId = 0,
            FailureDetails = new() { ErrorType = typeof(IOException).FullName!, ErrorMessage = "the store is not there" },
        };

        OrchestratorAction again =
            Assert.Single(OrchestrationHistory.Run(_history, [OrchestrationHistory.Step(), failed]).Actions);
        Assert.Equal(10, again.CreateTimer.FireAt.Seconds);
    }

    [Fact]
    public async Task What_cannot_be_had_now_is_thrown_to_be_tried_again_and_bad_input_comes_back_as_a_result()
    {
        using TemporaryFolder folder = new();
        RunOrder order = new("r", Path.Combine(Samples.Family, "spec.yaml"),
            SpecFile.Parse("spec.yaml", Samples.Family, Samples.Spec()).WithTasks().Spec);
        File.WriteAllText(folder["file"], "");
        // A store that cannot be written, as where a disk is full or an account does not answer.
        Assert.Contains(folder["file"],
            (await Assert.ThrowsAnyAsync<UnavailableException>(() => AdmitAsync(folder["file/store"], "base"))).Message);
        Outcome<ModelAdmitted> refused = Wire.Read<Outcome<ModelAdmitted>>(await AdmitAsync(folder["store"], "nowhere"));
        Assert.Contains("there is no such folder", refused.Refused!.Reason);

        Task<string> AdmitAsync(string store, string model) => new WorkActivities(Store.Open(store)).Admit(
            Wire.Write(new Work<ModelSource>(order, new(model, Path.Combine(Samples.Family, model)))), CancellationToken.None);
    }

    [Fact]
    public void Bad_input_is_not_tried_again_and_the_custom_status_says_what_would_be_right()
    {
        _history.AddRange([OrchestrationHistory.Step(), OrchestrationHistory.Completed(0, "[]")]);
        int[] admissions = [.. Enumerable.Range(1, RecordedWorld.Order().Spec.Models.Count + 1)];
        _history.AddRange(admissions.Select(id =>
            new HistoryEvent { EventId = id, Timestamp = new(), TaskScheduled = new() { Name = nameof(WorkActivities.Admit) } }));
        string refused = Wire.Write(new Outcome<ModelAdmitted>(null, Refused: new("/models/base", "config.json", "is missing")));

        // An orchestration is not over before all that it began is.
        OrchestratorResponse response = OrchestrationHistory.Run(
            _history, [OrchestrationHistory.Step(), .. admissions.Select(id => OrchestrationHistory.Completed(id, refused))]);
        Assert.Equal(OrchestrationStatus.Failed, Assert.Single(response.Actions).CompleteOrchestration.OrchestrationStatus);
        Progress progress = Wire.Read<Progress>(JsonSerializer.Deserialize<string>(response.CustomStatus)!);
        Assert.Equal(new Refusal("/models/base", "config.json", "is missing"), progress.Error);
        Assert.Empty(progress.Running!);
    }
}
