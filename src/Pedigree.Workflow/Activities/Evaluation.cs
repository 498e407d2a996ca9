using Pedigree.Evolution;
using Pedigree.Weights;
using Pedigree.Workflow.Evaluators;

namespace Pedigree.Workflow.Activities;

/// <summary>Scores models, or finds their scores.</summary>
internal sealed class Evaluation(RunEvaluator evaluator, Models models)
{
    public async Task<ModelScores> EvaluateAsync(EvaluationRequest request, WorkNews news, CancellationToken cancellation)
    {
        string identity = await evaluator.Model.IdentityAsync(cancellation);
        string[] keys =
            [.. request.Tasks.Select(task => evaluator.Shelf.Key(request.Model.Digest, task, identity, evaluator.Devices[0]))];
        TaskScore?[] scores = new TaskScore?[keys.Length];
        for (int task = 0; task < keys.Length; task++)
            scores[task] = await evaluator.Shelf.FindAsync(keys[task], cancellation);
        int[] missing = [.. Enumerable.Range(0, keys.Length).Where(task => scores[task] is null)];
        if (missing.Length == 0)
            return new(scores!, identity);
        using OpenModel model = await evaluator.OpenAsync(models, request.Model.Digest, news, cancellation);
        int next = 0;
        await foreach (ScoredTask scored in evaluator.Model.ScoreAsync(
            model, [.. missing.Select(task => request.Tasks[task])], news.Report, cancellation))
        {
            int task = missing[next++];
            scores[task] = model.Scored(() => Finite(model, scored.Score));
            await evaluator.Shelf.KeepAsync(keys[task], scored, cancellation);
        }
        return new(scores!, identity);
    }

    internal static TaskScore Finite(OpenModel model, TaskScore score) => double.IsFinite(score.Value) ? score
        : throw new BadInputException(model.Checkpoint.Address, score.Task,
            $"its score is {score.Value}, which is not a finite number");
}
