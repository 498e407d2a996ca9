using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Weights;

namespace Pedigree.Workflow.Specs;

/// <summary>The tasks of a spec, loaded.</summary>
internal static class SpecTasks
{
    /// <summary>Loads one task; its relative paths begin at the spec's folder.</summary>
    public static EvaluationTask Load(string folder, TaskSpec task, Func<string, string?>? refusal = null) =>
        TaskLoader.Load(folder, task.Task, task.Data, task.Fewshot, task.Limit, task.Metric, refusal);

    /// <summary>The spec with the digest of every task.</summary>
    /// <exception cref="BadInputException">A task is not right, cannot be averaged, or comes twice.</exception>
    public static SpecFile Digested(SpecFile file, Func<string, string?>? refusal)
    {
        List<TaskSpec> specs = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (TaskSpec spec in file.Spec.Tasks)
        {
            string field = $"tasks[{specs.Count}]";
            EvaluationTask task = Load(file.Folder, spec, refusal);
            if (!names.Add(task.Name))
                throw new BadInputException(file.Path, $"{field}.task", $"the task {task.Name} is given twice");
            if (!task.HigherIsBetter)
                throw new BadInputException(file.Path, $"{field}.metric",
                    $"{task.PrimaryMetric} is better when it is smaller and cannot be averaged with other scores; choose another metric of the task");
            specs.Add(spec with { Digest = task.Digest });
        }
        return file with { Spec = file.Spec with { Tasks = specs } };
    }
}
