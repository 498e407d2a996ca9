using System.Text.Json.Serialization;

namespace Pedigree.Evolution;

/// <summary>
/// Everything that can happen in a run, in one closed family. The orchestrator writes the decisions and their outcomes; its host
/// writes <see cref="WorkFailed"/>, <see cref="RunSuspended"/> and <see cref="RunResumed"/>.
/// </summary>
public abstract record RunEvent;

/// <summary>Events of the host, which no decision depends on.</summary>
public abstract record HostEvent : RunEvent;

/// <summary>The run begins.</summary>
public sealed record RunStarted(RunSpec Spec) : RunEvent;

/// <summary>A checkpoint was opened, checked and named by its content.</summary>
/// <param name="Name">Name in this run; <see cref="RunState.BaseName"/> for the base.</param>
/// <param name="Source">Path as the spec gave it.</param>
/// <param name="Digest">SHA-256 of its content.</param>
/// <param name="Parameters">Number of weights.</param>
public sealed record ModelAdmitted(string Name, string Source, string Digest, long Parameters) : RunEvent;

/// <summary>Scores of a model.</summary>
/// <param name="Average">Weighted mean of the scores, in their unit (the harness's: 0 … 1).</param>
/// <param name="Gain">
/// Average minus the mean of the parents' averages (paper, Eq. 6); null for admitted models and the base.
/// </param>
/// <param name="Evaluator">Name and version of what scored it; null where that is not known.</param>
/// <param name="Partial">Not null where it was given up early: scores and average are then estimates, and never enter S.</param>
public sealed record ModelEvaluated(
    string Name, IReadOnlyList<TaskScore> Scores, double Average,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Gain = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Evaluator = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] PartialEvaluation? Partial = null) : RunEvent;

/// <summary>
/// Models were compared item by item: those of a generation with the ones that they have to pass, and with each other.
/// </summary>
public sealed record ModelsCompared(int Generation, IReadOnlyList<ModelComparison> Comparisons) : RunEvent;

/// <summary>One row of the kinship matrix: a new model and all that came before it.</summary>
public sealed record KinshipMeasured(string Name, IReadOnlyList<KinshipEntry> Row) : RunEvent;

/// <summary>Who will be merged in this generation, and why.</summary>
/// <param name="Comparisons">
/// Where the spec asks for significance: the tests that S was decided by, children of the generation before against those who
/// held a place, with Holm's correction for all of them.
/// </param>
public sealed record ParentsSelected(
    int Generation,
    IReadOnlyList<Mating> Pairs,
    IReadOnlyList<PassedOver> PassedOver,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<ModelComparison>? Comparisons = null)
    : RunEvent;

/// <summary>A child exists.</summary>
/// <param name="Digest">Digest of its recipe: its name in the store.</param>
/// <param name="Content">SHA-256 of its content: what an audit compares.</param>
/// <param name="Parents">The better parent first.</param>
/// <param name="Device">The GPU that made it; null for the processor.</param>
public sealed record MergeCompleted(
    string Name, int Generation, IReadOnlyList<string> Parents, Purpose Purpose, string Digest, string Content,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Device = null) : RunEvent;

/// <summary>A generation is over: how the run stands after it.</summary>
/// <param name="Selected">S: the k best of everything evaluated, best first.</param>
/// <param name="TopAverage">Mean average of S.</param>
/// <param name="MeanKinship">Mean kinship over the pairs of S; null where S has one model.</param>
/// <param name="Gain">Mean gain of this generation's children; null where there are none.</param>
/// <param name="Merges">Merges so far.</param>
/// <param name="Evaluations">Evaluations so far, admitted models and base included.</param>
public sealed record GenerationCompleted(
    int Generation, IReadOnlyList<string> Selected, Best Best, double TopAverage, double? MeanKinship, double? Gain,
    Stage Stage, int Merges, int Evaluations) : RunEvent;

/// <summary>
/// A piece of work that could not be done. A child that cannot be made or scored is left out; the rest goes on.
/// </summary>
/// <param name="Activity">merge or evaluate.</param>
public sealed record WorkFailed(string Name, string Activity, string Error) : RunEvent;

/// <summary>The host went away in good order.</summary>
public sealed record RunSuspended(string Reason) : HostEvent;

/// <summary>The host took the run up again.</summary>
public sealed record RunResumed(int EventsReplayed) : HostEvent;

/// <summary>The run is over.</summary>
/// <param name="Best">The best of everything evaluated; null where the run was told to end before anything was.</param>
public sealed record RunCompleted(
    StopReason Reason, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Best? Best) : RunEvent;

/// <summary>One task's score.</summary>
public sealed record TaskScore(
    string Task, string Metric, double Value,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? StandardError = null);

/// <summary>How far a child that was given up was asked.</summary>
/// <param name="Asked">Items asked.</param>
/// <param name="Items">Items there are; the rest was saved.</param>
/// <param name="Rival">The last of S, whom it would have had to pass.</param>
/// <param name="Confidence">With which it would not have.</param>
public sealed record PartialEvaluation(int Asked, int Items, string Rival, double Confidence);

/// <summary>Two models on the same items.</summary>
/// <param name="Difference">Average of the first minus that of the second.</param>
/// <param name="PValue">How often chance alone would make a difference as large, if the two were alike.</param>
/// <param name="Test">mcnemar or bootstrap.</param>
/// <param name="Items">Items that both were asked.</param>
/// <param name="Corrected">The p-value after Holm's correction for all comparisons that it was decided with.</param>
public sealed record ModelComparison(
    string First, string Second, double Difference, double PValue, string Test, int Items,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? Corrected = null);

/// <summary>A model and its average.</summary>
public sealed record Best(string Name, double Average);

/// <summary>Two parents and the reason for their choice.</summary>
/// <param name="Child">Name of the child to be.</param>
/// <param name="First">The better parent: the base_model of an asymmetric method.</param>
/// <param name="Kinship">Kinship of the parents in the run's measure.</param>
/// <param name="Ranks">Ranks of first and second by average in the population, 1 the best.</param>
/// <param name="PValue">Of the difference of the two on the same items; null where they were not compared.</param>
public sealed record Mating(
    string Child, string First, string Second, Purpose Purpose, double Kinship, IReadOnlyList<int> Ranks, string Reason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? PValue = null);

/// <summary>A pair that would have come first but was not taken.</summary>
public sealed record PassedOver(string First, string Second, double Kinship, string Reason);

/// <summary>Why a pair was chosen.</summary>
public enum Purpose
{
    /// <summary>Both are among the best.</summary>
    Exploit,

    /// <summary>The best with the one least related to it.</summary>
    Explore,
}

/// <summary>The paper's two stages (§5.2).</summary>
public enum Stage
{
    /// <summary>The best models still differ.</summary>
    Learning,

    /// <summary>The best models are nearly the same: merging them gains little.</summary>
    Saturation,
}

/// <summary>Why a run ended.</summary>
public enum StopReason
{
    /// <summary>
    /// The strategy has no pair left that was not merged before: S is unchanged and there is nothing to explore.
    /// </summary>
    Converged,

    /// <summary>The mean kinship of S passed the threshold.</summary>
    Kinship,

    /// <summary>The number of generations was reached.</summary>
    Generations,

    /// <summary>The number of evaluations was reached.</summary>
    Evaluations,

    /// <summary>So many generations brought no better best.</summary>
    Patience,

    /// <summary>Someone said so.</summary>
    Told,
}
