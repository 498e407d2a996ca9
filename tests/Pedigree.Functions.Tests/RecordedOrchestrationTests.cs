using System.Text.Json.Nodes;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Testing;
using Pedigree.Evolution;
using Pedigree.Functions.Activities;
using Pedigree.Functions.Orchestration;

namespace Pedigree.Functions.Tests;

/// <summary>Today's orchestrator against a log of yesterday, on the in-process host: whatever it does is answered from the log.</summary>
public sealed class RecordedOrchestrationTests
{
    private readonly RunEvent[] _recorded = [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Recorded", "demo.jsonl"))
        .Select(line => JsonNode.Parse(line)!).Select(line => EventJson.FromJson((string)line["type"]!, line["data"]!))
        .Where(recorded => recorded is not HostEvent)];

    // The in-process host takes its own logging from the environment alone.
    static RecordedOrchestrationTests() => Environment.SetEnvironmentVariable("Logging__LogLevel__Default", "None");

    [Fact]
    public async Task A_new_orchestration_decides_every_recorded_event_and_begins_anew_after_every_generation()
    {
        List<RunEvent> log = [];
        int beginnings = await RunAsync(log);

        Assert.Equal(_recorded.Select(Json), log.Select(Json));
        Assert.Equal(_recorded.OfType<GenerationCompleted>().Count() - 1, beginnings);
    }

    [Fact]
    public async Task An_orchestration_taken_up_after_any_generation_decides_the_rest_of_the_log()
    {
        foreach (int length in _recorded.Index().Where(each => each.Item is GenerationCompleted).Select(each => each.Index + 1))
        {
            List<RunEvent> log = [.. _recorded.Take(length)];
            await RunAsync(log);
            Assert.Equal(_recorded.Select(Json), log.Select(Json));
        }
    }

    [Fact]
    public async Task An_orchestration_that_is_told_to_end_records_so_and_does_no_more_work()
    {
        List<RunEvent> log = [.. _recorded.Take(_recorded.Index().First(each => each.Item is ParentsSelected).Index + 1)];
        int before = log.Count;
        await RunAsync(log, end: true);

        Assert.Equal(StopReason.Told, Assert.IsType<RunCompleted>(Assert.Single(log.Skip(before))).Reason);
    }

    [Fact]
    public async Task An_evaluator_that_fails_ends_the_orchestration_and_the_log_says_why()
    {
        List<RunEvent> log = [];
        await RunAsync(log, evaluatorFails: true);

        Assert.Equal("the server is gone", Assert.IsType<RunSuspended>(log[^1]).Reason);
        Assert.DoesNotContain(log, recorded => recorded is ModelEvaluated or WorkFailed);
    }

    /// <summary>Runs to the end, adding to the log.</summary>
    /// <returns>How often the orchestration began.</returns>
    private async Task<int> RunAsync(List<RunEvent> log, bool end = false, bool evaluatorFails = false)
    {
        RecordedActivities world = new(_recorded);
        int beginnings = 0;
        void Activity<TRequest, TResult>(DurableTaskRegistry tasks, string name, Func<TRequest, Task<TResult>> answer) =>
            tasks.AddActivityFunc<string, string>(name, async (_, work) =>
                Wire.Write(new Outcome<TResult>(await answer(Wire.Read<Work<TRequest>>(work).Request))));

        await using DurableTaskTestHost host = await DurableTaskTestHost.StartAsync(tasks =>
        {
            tasks.AddOrchestratorFunc<string, string?>(EvolveOrchestrator.Name, (context, input) => EvolveOrchestrator.RunAsync(context, input));
            tasks.AddActivityFunc<string, string>(nameof(LogActivities.ReadLog), (_, _) =>
            {
                beginnings++;
                return Task.FromResult(Wire.WriteEvents(log));
            });
            tasks.AddActivityFunc<string, string>(nameof(LogActivities.Append), (_, text) =>
            {
                Decisions added = Wire.Read<Decisions>(text);
                Assert.Equal(log.Count, added.First);
                log.AddRange(Wire.ReadEvents(added.Events));
                return Task.FromResult(Wire.Write(new Outcome<bool>(true)));
            });
            tasks.AddActivityFunc<string, bool>(nameof(LogActivities.StopRequested), (_, _) => Task.FromResult(false));
            tasks.AddActivityFunc<string>(nameof(LogActivities.WriteReport), (_, _) => Task.CompletedTask);
            // A run does not fail with it.
            tasks.AddActivityFunc<string>(nameof(PublishActivity.Publish), (_, _) =>
                log[^1] is RunCompleted ? Task.CompletedTask : throw new IOException("nobody takes them"));
            Activity<ModelSource, ModelAdmitted>(tasks, nameof(WorkActivities.Admit), world.AdmitAsync);
            Activity<KinshipRequest, IReadOnlyList<KinshipMeasured>>(tasks, nameof(WorkActivities.MeasureKinship), world.MeasureKinshipAsync);
            Activity<MergeRequest, MergedModel>(tasks, nameof(WorkActivities.Merge), world.MergeAsync);
            Activity<ComparisonRequest, IReadOnlyList<ModelComparison>>(tasks, nameof(WorkActivities.Compare), world.CompareAsync);
            tasks.AddActivityFunc<string>(nameof(LogActivities.RecordSuspension), (_, suspension) =>
            {
                log.Add(new RunSuspended(Wire.Read<Suspension>(suspension).Reason));
                return Task.CompletedTask;
            });
            if (evaluatorFails)
                tasks.AddActivityFunc<string, string>(nameof(WorkActivities.Evaluate), (_, _) =>
                    Task.FromResult(Wire.Write(new Outcome<ModelScores>(null, Evaluator: "the server is gone"))));
            else
                Activity<EvaluationRequest, ModelScores>(tasks, nameof(WorkActivities.Evaluate), world.EvaluateAsync);
        });
        RunOrder order = new("recorded", "/spec.yaml", ((RunStarted)_recorded[0]).Spec, end);
        await host.Client.ScheduleNewOrchestrationInstanceAsync(
            EvolveOrchestrator.Name, Wire.Write(order), new StartOrchestrationOptions("recorded"), TestContext.Current.CancellationToken);
        OrchestrationMetadata instance = await host.Client.WaitForInstanceCompletionAsync(
            "recorded", getInputsAndOutputs: true, TestContext.Current.CancellationToken);
        Assert.True(instance.RuntimeStatus == (evaluatorFails ? OrchestrationRuntimeStatus.Failed : OrchestrationRuntimeStatus.Completed), instance.FailureDetails?.ToString());
        return beginnings;
    }

    private static string Json(RunEvent runEvent) => $"{EventJson.TypeOf(runEvent)} {EventJson.ToJson(runEvent).ToJsonString()}";
}
