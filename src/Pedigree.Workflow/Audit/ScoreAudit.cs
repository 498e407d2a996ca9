using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Workflow.Activities;
using Pedigree.Workflow.Specs;

namespace Pedigree.Workflow.Audit;

/// <summary>Scores every model of a run again and compares.</summary>
internal static class ScoreAudit
{
    /// <exception cref="BadInputException">The first score that comes out otherwise, or a task that has changed.</exception>
    public static void Verify(
        Store store, RunFolder folder, IReadOnlyList<RunEvent> events, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        RunState state = events.Aggregate(RunState.Empty, (before, next) => before.Apply(next));
        string home = Path.GetDirectoryName(folder.Origin ?? throw new BadInputException(
            folder.Path, "spec.json", "is missing: it says where the run's spec lies, from which its tasks are found"))!;
        EvaluationTask[] tasks = [.. state.Spec!.Tasks.Select(task => Unchanged(home, task))];
        foreach (ModelEvaluated evaluated in events.OfType<ModelEvaluated>())
        {
            using Checkpoint checkpoint = Checkpoint.Open(Models.FolderOf(store, state.Find(evaluated.Name).Digest));
            for (int index = 0; index < tasks.Length; index++)
            {
                TaskScore score = Activities.Evaluation.Score(checkpoint, tasks[index], null, fraction => progress?.Report(
                    new WorkProgress("evaluate", evaluated.Name, (index + fraction) / tasks.Length)), cancellation);
                if (score != evaluated.Scores[index])
                    throw new BadInputException(folder.Log, evaluated.Name, FormattableString.Invariant(
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
