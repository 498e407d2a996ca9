namespace Pedigree.Evolution;

/// <summary>
/// All that a run does to the world. Each call may be made again with the same arguments and must then find what is there.
/// A piece of work that can never succeed throws <see cref="WorkFailedException"/>. Where someone has said that the run shall end
/// at once, an admission, a merge or an evaluation throws <see cref="ToldToStopException"/>. Anything else that is thrown stops
/// the run where it is, to be resumed.
/// </summary>
public interface IActivities
{
    /// <summary>Opens, checks and names a checkpoint.</summary>
    Task<ModelAdmitted> AdmitAsync(ModelSource source);

    /// <summary>Scores a model on the tasks of the spec.</summary>
    Task<ModelScores> EvaluateAsync(EvaluationRequest request);

    /// <summary>
    /// Compares models item by item, each new one with every rival and with the new ones before it; none where there are no
    /// results item by item and nothing depends on them.
    /// </summary>
    Task<IReadOnlyList<ModelComparison>> CompareAsync(ComparisonRequest request);

    /// <summary>Kinship of new models to the known ones and to each other: a row for each new one, in order.</summary>
    Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(KinshipRequest request);

    /// <summary>Makes a child.</summary>
    Task<MergedModel> MergeAsync(MergeRequest request);

    /// <summary>
    /// Sees to it that children that are kept have checkpoints, and removes those of the others unless another run needs them.
    /// </summary>
    Task KeepAsync(KeepRequest request);

    /// <summary>Whether the run goes on after this generation.</summary>
    Task<Continuation> ContinueAsync(int generation);

    /// <summary>Adds to the log.</summary>
    Task AppendAsync(RunEvent runEvent);
}

/// <summary>What follows a generation.</summary>
public enum Continuation
{
    /// <summary>The next generation.</summary>
    GoOn,

    /// <summary>The run's end: someone asked for it.</summary>
    End,

    /// <summary>Nothing for now: the host calls the run again, with the log so far.</summary>
    Pause,
}

/// <summary>A model by its name in the run and its digest in the store.</summary>
public sealed record ModelReference(string Name, string Digest)
{
    /// <summary>The names of several models in one text.</summary>
    public static string NamesOf(IEnumerable<ModelReference> models) => string.Join(", ", models.Select(model => model.Name));
}

/// <summary>What to score, by what.</summary>
/// <param name="Rival">Of a child that may be given up: the one that it has to pass. Null where it is asked everything.</param>
/// <param name="Founders">
/// Then also the base and the admitted models, whose scores tell how hard the items are. Null elsewhere.
/// </param>
public sealed record EvaluationRequest(
    ModelReference Model,
    IReadOnlyList<TaskSpec> Tasks,
    ModelReference? Rival = null,
    IReadOnlyList<ModelReference>? Founders = null);

/// <summary>What a model scored.</summary>
/// <param name="Scores">One a task.</param>
/// <param name="Evaluator">Name and version of what scored it.</param>
/// <param name="Partial">Not null where it was given up, and the scores are estimates.</param>
public sealed record ModelScores(IReadOnlyList<TaskScore> Scores, string? Evaluator = null, PartialEvaluation? Partial = null);

/// <summary>Who is compared with whom.</summary>
/// <param name="Generation">Whose models are new.</param>
public sealed record ComparisonRequest(
    int Generation, IReadOnlyList<ModelReference> New, IReadOnlyList<ModelReference> Rivals, IReadOnlyList<TaskSpec> Tasks);

/// <summary>Whose kinship to measure, relative to which base.</summary>
public sealed record KinshipRequest(
    ModelReference Base, IReadOnlyList<ModelReference> Known, IReadOnlyList<ModelReference> New, KinshipPrice Price);

/// <summary>What to merge, and how; the better parent first.</summary>
public sealed record MergeRequest(
    string Child, ModelReference Base, IReadOnlyList<ModelReference> Parents, System.Text.Json.Nodes.JsonObject Merge);

/// <summary>A child in the store: named by its recipe, audited by its content.</summary>
/// <param name="Device">The GPU that made it; null for the processor.</param>
public sealed record MergedModel(string Digest, string Content, string? Device = null);

/// <summary>Whose checkpoints stay after a generation, and whose do not.</summary>
public sealed record KeepRequest(IReadOnlyList<ModelReference> Kept, IReadOnlyList<ModelReference> Others);

/// <summary>A piece of work that fails however often it is tried.</summary>
public sealed class WorkFailedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Someone has said that no more work is to be done: the run ends for good with what it has.</summary>
public sealed class ToldToStopException() : Exception("the run was told to end at once");
