using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Testing;
using Pedigree.Evolution;
using Pedigree.Functions.Orchestration;

namespace Pedigree.Functions.Tests;

/// <summary>
/// Today's orchestrator against a log of yesterday, on the in-process host: whatever it does is answered from the log.
/// </summary>
public sealed class RecordedOrchestrationTests
{
    private static readonly IReadOnlyList<RunEvent> Recorded = RecordedWorld.Run;

    // The in-process host takes its own logging from the environment alone.
    static RecordedOrchestrationTests() => Environment.SetEnvironmentVariable("Logging__LogLevel__Default", "None");

    [Fact]
    public async Task A_new_orchestration_decides_every_recorded_event_and_begins_anew_after_every_generation()
    {
        List<RunEvent> log = [];
        int beginnings = await RunAsync(log);

        Assert.Equal(Recorded.Select(Json), log.Select(Json));
        Assert.Equal(Recorded.OfType<GenerationCompleted>().Count() - 1, beginnings);
    }

    [Fact]
    public async Task An_orchestration_taken_up_after_any_generation_decides_the_rest_of_the_log()
    {
        foreach (int length in Recorded.Index().Where(each => each.Item is GenerationCompleted).Select(each => each.Index + 1))
        {
            List<RunEvent> log = [.. Recorded.Take(length)];
            await RunAsync(log);
            Assert.Equal(Recorded.Select(Json), log.Select(Json));
        }
    }

    [Fact]
    public async Task An_orchestration_that_is_told_to_end_records_so_and_does_no_more_work()
    {
        List<RunEvent> log = [.. Recorded.Take(Recorded.Index().First(each => each.Item is ParentsSelected).Index + 1)];
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
        Assert.DoesNotContain(log, each => each is ModelEvaluated or WorkFailed);
    }

    /// <summary>Runs to the end, adding to the log.</summary>
    /// <returns>How often the orchestration began.</returns>
    private static async Task<int> RunAsync(List<RunEvent> log, bool end = false, bool evaluatorFails = false)
    {
        // A run does not fail with its events.
        RecordedWorld world = new(log) { EvaluatorFails = evaluatorFails, Receives = false };
        await using DurableTaskTestHost host = await DurableTaskTestHost.StartAsync(tasks =>
        {
            tasks.AddOrchestratorFunc<string, string?>(
                EvolveOrchestrator.Name, (context, input) => EvolveOrchestrator.RunAsync(context, input));
            foreach (string activity in RecordedWorld.Activities)
                tasks.AddActivityFunc<string, object?>(activity, (_, input) => world.AnswerAsync(activity, input));
        });
        await host.Client.ScheduleNewOrchestrationInstanceAsync(
            EvolveOrchestrator.Name,
            Wire.Write(RecordedWorld.Order(end)),
            new StartOrchestrationOptions("recorded") { Version = EvolveOrchestrator.Version },
            TestContext.Current.CancellationToken);
        OrchestrationMetadata instance = await host.Client.WaitForInstanceCompletionAsync(
            "recorded", getInputsAndOutputs: true, TestContext.Current.CancellationToken);
        Assert.True(
            instance.RuntimeStatus == (evaluatorFails ? OrchestrationRuntimeStatus.Failed : OrchestrationRuntimeStatus.Completed),
            instance.FailureDetails?.ToString());
        Progress progress = Wire.Read<Progress>(instance.ReadCustomStatusAs<string>()!);
        GenerationCompleted? completed = log.OfType<GenerationCompleted>().LastOrDefault();
        Assert.Equal((completed?.Generation, completed?.Best, completed?.MeanKinship),
            (progress.Generation, progress.Best, progress.Kinship));
        Assert.Equal(evaluatorFails ? "the server is gone" : null, progress.Error?.Reason);
        return world.Beginnings;
    }

    private static string Json(RunEvent runEvent) => $"{EventJson.TypeOf(runEvent)} {EventJson.ToJson(runEvent).ToJsonString()}";
}
