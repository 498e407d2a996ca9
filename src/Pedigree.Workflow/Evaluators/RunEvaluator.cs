using Pedigree.Evaluation;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Evaluators;

/// <summary>The evaluator that a spec chooses, and the scores that it gave.</summary>
internal sealed class RunEvaluator(IStore store, SpecFile spec, TaskShelf tasks)
{
    /// <summary>What scores.</summary>
    public IModelEvaluator Model { get; } = spec.Spec.Evaluator is { IsProgram: true } program
        ? new ProgramEvaluator(program, spec) : new OwnEvaluator(spec.Spec.Evaluator, tasks);

    /// <summary>What was scored.</summary>
    public ScoreShelf Shelf { get; } = new(store, spec.Spec);

    /// <summary>Devices that scores may come from, the one used here first.</summary>
    public IReadOnlyList<string> Devices => (Model as OwnEvaluator)?.Devices ?? [""];

    /// <summary>Whether models are computed by this process, which needs their weights and no files.</summary>
    public bool ComputesHere => Model is OwnEvaluator { IsServed: false };

    /// <summary>Opens a model to be scored.</summary>
    public Task<OpenModel> OpenAsync(Models models, string digest, WorkNews news, CancellationToken cancellation) =>
        ComputesHere ? models.OpenWeightsAsync(digest, news, cancellation) : models.OpenAsync(digest, news, cancellation);

    /// <summary>
    /// Whether the evaluator can score a model on the run's tasks, as far as that is known without its weights.
    /// </summary>
    /// <exception cref="BadInputException">It cannot: says why.</exception>
    public void Check(Weights.Checkpoints.Checkpoint checkpoint)
    {
        if (Model is OwnEvaluator own)
            Evaluator.Check(checkpoint, spec.Spec.Tasks.Select(own.Load));
    }
}
