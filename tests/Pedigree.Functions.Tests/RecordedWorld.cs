using System.Text.Json.Nodes;
using Pedigree.Evolution;
using Pedigree.Functions.Activities;
using Pedigree.Functions.Orchestration;

namespace Pedigree.Functions.Tests;

/// <summary>
/// Answers the activities of an orchestration from the log of a finished run, and keeps the log that the orchestration writes.
/// </summary>
/// <param name="log">What the orchestration's log holds in the beginning.</param>
internal sealed class RecordedWorld(List<RunEvent> log)
{
    /// <summary>The finished run.</summary>
    public static IReadOnlyList<RunEvent> Run
    {
        get;
    } = [.. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Recorded", "demo.jsonl"))
        .Select(line => JsonNode.Parse(line)!).Select(line => EventJson.FromJson((string)line["type"]!, line["data"]!))
        .Where(recorded => recorded is not HostEvent)];

    /// <summary>Names of all activities.</summary>
    public static IReadOnlyList<string> Activities { get; } =
    [
        nameof(LogActivities.ReadLog), nameof(LogActivities.Append), nameof(LogActivities.StopRequested),
        nameof(LogActivities.WriteReport),
        nameof(LogActivities.RecordSuspension), nameof(PublishActivity.Publish), nameof(WorkActivities.Admit),
        nameof(WorkActivities.MeasureKinship),
        nameof(WorkActivities.Merge), nameof(WorkActivities.Compare), nameof(WorkActivities.Evaluate),
        nameof(WorkActivities.Keep),
    ];

    private readonly RecordedActivities _done = new(Run);

    /// <summary>How often the orchestration began.</summary>
    public int Beginnings { get; private set; }

    /// <summary>Whether the evaluator fails.</summary>
    public bool EvaluatorFails { get; init; }

    /// <summary>Whether somebody takes the events of a run before its last one.</summary>
    public bool Receives { get; init; } = true;

    /// <summary>The log as it is now.</summary>
    public IReadOnlyList<RunEvent> Log => log;

    /// <summary>The order that begins the run.</summary>
    public static RunOrder Order(bool end = false, Keep keep = Keep.All) =>
        new("recorded", "/spec.yaml", ((RunStarted)Run[0]).Spec with { Keep = keep }, end);

    /// <summary>What an activity returns.</summary>
    public async Task<object?> AnswerAsync(string activity, string input)
    {
        switch (activity)
        {
            case nameof(LogActivities.ReadLog):
                Beginnings++;
                return Wire.WriteEvents(log);
            case nameof(LogActivities.Append):
                Decisions added = Wire.Read<Decisions>(input);
                Assert.Equal(log.Count, added.First);
                log.AddRange(Wire.ReadEvents(added.Events));
                return Wire.Write(new Outcome<bool>(true));
            case nameof(LogActivities.StopRequested):
                return false;
            case nameof(LogActivities.RecordSuspension):
                log.Add(new RunSuspended(Wire.Read<Suspension>(input).Reason));
                return null;
            case nameof(PublishActivity.Publish) when !Receives && log[^1] is not RunCompleted:
                throw new IOException("nobody takes them");
            case nameof(LogActivities.WriteReport) or nameof(PublishActivity.Publish):
                return null;
            case nameof(WorkActivities.Keep):
                return Wire.Write(new Outcome<bool>(true));
            case nameof(WorkActivities.Admit):
                return await OfAsync<ModelSource, ModelAdmitted>(_done.AdmitAsync);
            case nameof(WorkActivities.MeasureKinship):
                return await OfAsync<KinshipRequest, IReadOnlyList<KinshipMeasured>>(_done.MeasureKinshipAsync);
            case nameof(WorkActivities.Merge):
                return await OfAsync<MergeRequest, MergedModel>(_done.MergeAsync);
            case nameof(WorkActivities.Compare):
                return await OfAsync<ComparisonRequest, IReadOnlyList<ModelComparison>>(_done.CompareAsync);
            case nameof(WorkActivities.Evaluate):
                return EvaluatorFails ? Wire.Write(new Outcome<ModelScores>(null, Evaluator: "the server is gone"))
                    : await OfAsync<EvaluationRequest, ModelScores>(_done.EvaluateAsync);
            default:
                throw new ArgumentOutOfRangeException(nameof(activity), activity, "no such activity");
        }

        async Task<string> OfAsync<TRequest, TResult>(Func<TRequest, Task<TResult>> answer) =>
            Wire.Write(new Outcome<TResult>(await answer(Wire.Read<Work<TRequest>>(input).Request)));
    }
}
