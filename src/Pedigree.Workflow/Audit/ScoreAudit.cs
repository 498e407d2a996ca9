using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Activities;
using Pedigree.Workflow.Specs;

namespace Pedigree.Workflow.Audit;

/// <summary>Scores every model of a run again and compares.</summary>
internal static class ScoreAudit
{
    /// <exception cref="BadInputException">The first score that comes out otherwise, or a task that has changed.</exception>
    public static async Task VerifyAsync(
        StoredRun run, IReadOnlyList<RunEvent> events, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        RunState state = events.Aggregate(RunState.Empty, (before, next) => before.Apply(next));
        string home = Path.GetDirectoryName(await run.OriginAsync(cancellation) ?? throw new BadInputException(
            run.Store.AddressOf($"runs/{run.Id}"), "spec.json", "is missing: it says where the run's spec lies, from which its tasks are found"))!;
        EvaluationTask[] tasks = [.. state.Spec!.Tasks.Select(task => Unchanged(home, task))];
        Models models = new(run.Store);
        foreach (ModelEvaluated evaluated in events.OfType<ModelEvaluated>())
        {
            WorkNews news = new(progress, "evaluate", evaluated.Name);
            using OpenModel model = await models.OpenAsync(state.Find(evaluated.Name).Digest, news, cancellation);
            for (int index = 0; index < tasks.Length; index++)
            {
                TaskScore score = Activities.Evaluation.Score(
                    model.Checkpoint, tasks[index], null, fraction => news.Report((index + fraction) / tasks.Length), cancellation);
                if (score != evaluated.Scores[index])
                    throw new BadInputException(run.LogAddress, evaluated.Name, FormattableString.Invariant(
                        $"scores {score.Value} in {score.Task} when evaluated again; {evaluated.Scores[index].Value} was recorded"));
            }
        }
    }

    private static EvaluationTask Unchanged(string home, TaskSpec spec)
    {
        EvaluationTask task = SpecTasks.Load(home, spec);
        return task.Digest == spec.Digest ? task
            : throw new BadInputException(spec.Data ?? spec.Task, "task", $"{task.Name} has changed since the run: its definition, rows or settings are others");
    }
}
