using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Weights;
using Pedigree.Workflow.Specs;

namespace Pedigree.Workflow.Activities;

/// <summary>The tasks of a spec, each loaded once.</summary>
internal sealed class TaskShelf(SpecFile spec)
{
    private readonly Dictionary<string, EvaluationTask> _tasks = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <exception cref="BadInputException">The task is not what it was when the run began.</exception>
    public EvaluationTask Load(TaskSpec task)
    {
        EvaluationTask? loaded;
        lock (_lock)
        {
            if (!_tasks.TryGetValue(task.Task, out loaded))
                _tasks[task.Task] = loaded = SpecTasks.Load(spec.Folder, task);
        }
        return loaded.Digest == task.Digest ? loaded
            : throw new BadInputException(spec.Path, $"task {task.Task}",
                "was changed while the run went on; restore it and run the same command again");
    }
}
