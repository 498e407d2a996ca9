using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Workflow.Specs;

/// <summary>The tasks of a spec, loaded.</summary>
internal static class SpecTasks
{
    /// <summary>Loads one task; its relative paths begin at the spec's folder.</summary>
    public static EvaluationTask Load(string folder, TaskSpec task, Func<string, string?>? refusal = null) =>
        TaskLoader.Load(folder, task.Task, task.Data, task.Fewshot, task.Limit, task.Metric, refusal, Chat(task));

    /// <summary>How a task's prompts are put.</summary>
    public static ChatSettings Chat(TaskSpec task) =>
        new(task.ApplyChatTemplate ?? false, task.FewshotAsMultiturn, task.SystemInstruction, task.ChatTemplate);

    /// <summary>The spec with the digest of every task.</summary>
    /// <exception cref="BadInputException">A task is not right, cannot be averaged, or comes twice.</exception>
    public static SpecFile Digested(SpecFile file, Func<string, string?>? refusal)
    {
        if (file.Spec.Evaluator is { IsProgram: true })
            return file with
            {
                Spec = file.Spec with
                {
                    Tasks = [.. file.Spec.Tasks.Select(task => task with { Digest = OutsideDigest(file.Folder, task) })],
                },
            };
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
                    $"{task.PrimaryMetric} is better when it is smaller and cannot be averaged with other scores; "
                    + "choose another metric of the task");
            if (!task.IsMean && (file.Spec.Significance is not null || file.Spec.Sequential is not null))
                throw new BadInputException(file.Path, $"{field}.metric",
                    $"{task.PrimaryMetric} is no mean over items, so that models cannot be compared item by item; "
                    + "choose another metric, or leave out significance and sequential");
            specs.Add(spec with { Digest = task.Digest });
        }
        return file with { Spec = file.Spec with { Tasks = specs } };
    }

    /// <summary>
    /// A task of another program is known by its name and settings, and by the content of its files where it is one and has some:
    /// what the program brings itself belongs to its version.
    /// </summary>
    private static string OutsideDigest(string folder, TaskSpec task)
    {
        string Sha256(string file) => Hashing.Sha256(File.ReadAllBytes(InputFile.Readable(file)));
        string Content(string? path) =>
            path is null || Path.GetFullPath(path, folder) is var place && !Path.Exists(place) ? path ?? ""
                : File.Exists(place) ? Sha256(place)
                : string.Concat(Directory.EnumerateFiles(place, "*", SearchOption.AllDirectories)
                    .Order(StringComparer.Ordinal).Select(file => $"{Path.GetRelativePath(place, file)} {Sha256(file)}\n"));
        if (task.Data is not null && !Path.Exists(Path.GetFullPath(task.Data, folder)))
            throw new BadInputException(task.Data, "data", "is neither a file nor a folder");
        JsonArray identity = [Content(task.Task), Content(task.Data), task.Fewshot, task.Limit];
        if (task.IsChat)
            identity.Add(new JsonArray(
                task.ApplyChatTemplate, task.ChatTemplate, task.FewshotAsMultiturn, task.SystemInstruction));
        return Hashing.Sha256(identity.ToJsonString());
    }
}
