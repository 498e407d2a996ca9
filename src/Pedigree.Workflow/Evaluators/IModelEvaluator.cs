using Pedigree.Evaluation;
using Pedigree.Evolution;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Evaluators;

/// <summary>What scores the models of a run.</summary>
internal interface IModelEvaluator
{
    /// <summary>Its name and version, which belong to every score.</summary>
    /// <exception cref="Pedigree.Evaluation.Outside.EvaluatorFailedException">It cannot be had.</exception>
    Task<string> IdentityAsync(CancellationToken cancellation);

    /// <summary>Scores a model on tasks of the spec, in order; each score comes as soon as it is there.</summary>
    /// <exception cref="WorkFailedException">The model is a child and can never be scored.</exception>
    /// <exception cref="Pedigree.Evaluation.Outside.EvaluatorFailedException">
    /// The evaluator failed, however often it was tried.
    /// </exception>
    IAsyncEnumerable<ScoredTask> ScoreAsync(
        OpenModel model, IReadOnlyList<TaskSpec> tasks, Action<double> progress, CancellationToken cancellation);
}

/// <summary>A score and what it was made of, row by row; no rows where the evaluator does not say.</summary>
internal sealed record ScoredTask(TaskScore Score, IReadOnlyList<ItemRow> Items)
{
    /// <summary>The score of a task's result.</summary>
    public static ScoredTask Of(TaskResult result) => new(
        new(result.Task, result.Primary.Metric, result.Primary.Value, result.Primary.StandardError), ItemRow.Of(result));
}
