using System.Text.Json;
using Google.Protobuf;
using Microsoft.DurableTask.Protobuf;
using Microsoft.DurableTask.Worker.Grpc;
using Pedigree.Evolution;
using Pedigree.Functions.Orchestration;

namespace Pedigree.Functions.Tests;

/// <summary>
/// Histories of the orchestration as Durable Task keeps them, one event a line, one for each time that it began
/// anew. The orchestrator is run as the Functions worker runs it: all is decided again from the history so far,
/// then it is given what is new.
/// </summary>
internal static class OrchestrationHistory
{
    /// <summary>Plays a run that keeps these checkpoints from its first event to its last.</summary>
    public static async Task<IReadOnlyList<IReadOnlyList<HistoryEvent>>> RecordAsync(string version, Keep keep)
    {
        RecordedWorld world = new([]);
        List<IReadOnlyList<HistoryEvent>> executions = [];
        while (true)
        {
            List<HistoryEvent> history = [];
            Queue<OrchestratorAction> scheduled = [];
            HistoryEvent given = Begun(version, keep);
            CompleteOrchestrationAction? completed;
            while (true)
            {
                HistoryEvent[] added = [Step(), given];
                IReadOnlyList<OrchestratorAction> actions = Run(history, added).Actions;
                history.AddRange(added);
                foreach (OrchestratorAction action in actions.Where(action => action.ScheduleTask is not null))
                {
                    history.Add(new()
                    {
                        EventId = action.Id,
                        Timestamp = new(),
                        TaskScheduled = new() { Name = action.ScheduleTask.Name },
                    });
                    scheduled.Enqueue(action);
                }
                completed = actions.Select(action => action.CompleteOrchestration).SingleOrDefault(action => action is not null);
                if (completed is not null)
                    break;
                OrchestratorAction next = scheduled.Dequeue();
                given = Completed(next.Id, await world.AnswerAsync(
                    next.ScheduleTask.Name, JsonSerializer.Deserialize<string[]>(next.ScheduleTask.Input)![0]));
            }
            executions.Add(history);
            if (completed.OrchestrationStatus != OrchestrationStatus.ContinuedAsNew)
            {
                Assert.True(completed.OrchestrationStatus == OrchestrationStatus.Completed, $"{completed.FailureDetails}");
                return executions;
            }
        }
    }

    /// <summary>The orchestrator is run once more.</summary>
    public static HistoryEvent Step()
    {
        HistoryEvent step = New();
        step.OrchestratorStarted = new();
        return step;
    }

    /// <summary>The run is ordered.</summary>
    public static HistoryEvent Begun(string version, Keep keep = Keep.All)
    {
        HistoryEvent begun = New();
        begun.ExecutionStarted = new()
        {
            Name = EvolveOrchestrator.Name,
            Version = version,
            Input = JsonSerializer.Serialize(Wire.Write(RecordedWorld.Order(keep: keep))),
            OrchestrationInstance = new() { InstanceId = "recorded", ExecutionId = "once" },
        };
        return begun;
    }

    /// <summary>An activity has come to its end.</summary>
    public static HistoryEvent Completed(int activity, object? result)
    {
        HistoryEvent completed = New();
        completed.TaskCompleted = new() { TaskScheduledId = activity, Result = JsonSerializer.Serialize(result) };
        return completed;
    }

    public static HistoryEvent New() => new() { EventId = -1, Timestamp = new() };

    /// <summary>What the orchestrator does when its history so far is run again and then something new comes.</summary>
    public static OrchestratorResponse Run(IEnumerable<HistoryEvent> past, IEnumerable<HistoryEvent> added)
    {
        OrchestratorRequest request = new() { InstanceId = "recorded", PastEvents = { past }, NewEvents = { added } };
        string response = GrpcOrchestrationRunner.LoadAndRun<string, string?>(
            Convert.ToBase64String(request.ToByteArray()), (context, input) => EvolveOrchestrator.RunAsync(context, input!));
        return OrchestratorResponse.Parser.ParseFrom(Convert.FromBase64String(response));
    }

    /// <summary>Writes one event a line, and an empty line between two histories.</summary>
    public static void Write(string path, IEnumerable<IReadOnlyList<HistoryEvent>> histories) =>
        File.WriteAllText(path, string.Join(
            "\n", histories.Select(history => string.Concat(history.Select(each => JsonFormatter.Default.Format(each) + "\n")))));

    public static IReadOnlyList<IReadOnlyList<HistoryEvent>> Read(string path) =>
        [.. File.ReadAllText(path).TrimEnd().Split("\n\n")
            .Select(history => history.Split('\n').Select(JsonParser.Default.Parse<HistoryEvent>).ToArray())];
}
