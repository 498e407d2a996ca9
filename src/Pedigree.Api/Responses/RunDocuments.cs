using Pedigree.Api.Hosts;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow;

namespace Pedigree.Api.Responses;

/// <summary>A run in a line.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status">How it stands.</param>
/// <param name="Strategy">greedy, kinship or random; null before it was begun.</param>
/// <param name="Generation">The last generation that is over; null before there is one.</param>
/// <param name="Best">The best model so far; averages are in the harness's unit, 0 to 1.</param>
/// <param name="StopReason">Why it ended; null while it goes on.</param>
/// <param name="Error">Why it has failed, or what is wrong with its log.</param>
/// <param name="StatusQueryGetUri">Where it is described.</param>
internal sealed record RunLine(
    string Id,
    RunStatus Status,
    string? Strategy,
    int? Generation,
    Best? Best,
    StopReason? StopReason,
    RunError? Error,
    string StatusQueryGetUri);

/// <summary>A run with all its models.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Status">How it stands.</param>
/// <param name="Error">Why it has failed.</param>
/// <param name="Doing">What is being done at this moment, and how far it is.</param>
/// <param name="StopReason">Why it ended; null while it goes on.</param>
/// <param name="Begun">Time of its first event.</param>
/// <param name="Updated">Time of its last event.</param>
/// <param name="Events">Number of events in its log.</param>
/// <param name="Merges">Merges made.</param>
/// <param name="Evaluations">Models evaluated, the admitted ones and the base included.</param>
/// <param name="Best">The best model so far.</param>
/// <param name="Spec">What was asked for; null before it was begun.</param>
/// <param name="Generations">How the run stood after every generation, the admitted models' own being the first.</param>
/// <param name="Base">The common ancestor, once admitted.</param>
/// <param name="Models">All models, best first.</param>
/// <param name="Links">Where to ask for more, and to whom to give orders.</param>
internal sealed record RunDocument(
    string Id,
    RunStatus Status,
    RunError? Error,
    WorkProgress? Doing,
    StopReason? StopReason,
    DateTimeOffset? Begun,
    DateTimeOffset? Updated,
    int Events,
    int Merges,
    int Evaluations,
    Best? Best,
    RunSpec? Spec,
    IReadOnlyList<GenerationCompleted> Generations,
    ModelDocument? Base,
    IReadOnlyList<ModelDocument> Models,
    ManagementLinks Links)
{
    public static RunDocument Of(StoredRun run, HostedRun? hosted, IReadOnlyList<LoggedEvent> log, ManagementLinks links)
    {
        RunState state = RunState.Of(log.Select(logged => logged.Event));
        return new(
            run.Id, StatusOf(hosted, state.Completed), ErrorOf(hosted, state.Completed), hosted?.Doing, state.Completed?.Reason,
            log.FirstOrDefault()?.Time, log.LastOrDefault()?.Time, log.Count, state.Merges, state.Evaluations,
            state.Population is [Model best, ..] ? new(best.Name, best.Average!.Value) : null, state.Spec, state.Generations,
            state.Base is { } ancestor ? ModelDocument.Of(ancestor) : null,
            [.. state.Models.Values.OrderByDescending(model => model.Average).Select(ModelDocument.Of)], links);
    }

    /// <summary>What the log says where the run is over, what the host says otherwise.</summary>
    public static RunStatus StatusOf(HostedRun? hosted, RunCompleted? completed) => completed switch
    {
        { Reason: Evolution.StopReason.Told } => RunStatus.Terminated,
        not null => RunStatus.Completed,
        null => hosted?.Status ?? RunStatus.Unattended,
    };

    /// <summary>Why it has failed; of a run that is over there is nothing to say any more.</summary>
    public static RunError? ErrorOf(HostedRun? hosted, RunCompleted? completed) => completed is null ? hosted?.Error : null;
}

/// <summary>A model of a run.</summary>
/// <param name="Name">Its name in the run.</param>
/// <param name="Digest">Its name in the store.</param>
/// <param name="Generation">0 for an admitted one.</param>
/// <param name="Parents">The better one first.</param>
/// <param name="Purpose">Why it was made; null for an admitted one.</param>
/// <param name="Average">Weighted mean of its scores; null until it is evaluated.</param>
/// <param name="Scores">One for each task.</param>
/// <param name="Partial">Not null where it was given up early: average and scores are then estimates.</param>
internal sealed record ModelDocument(
    string Name,
    string Digest,
    int Generation,
    IReadOnlyList<string> Parents,
    Purpose? Purpose,
    double? Average,
    IReadOnlyList<TaskScore> Scores,
    PartialEvaluation? Partial)
{
    public static ModelDocument Of(Model model) =>
        new(model.Name, model.Digest, model.Generation, model.Parents, model.Purpose, model.Average, model.Scores, model.Partial);
}
