using Pedigree.Weights;
using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>Finds tasks and groups of tasks: built in by name, or a YAML file by path.</summary>
public static class TaskLoader
{
    /// <summary>Names of the tasks and groups that are built in.</summary>
    public static IReadOnlyList<string> BuiltIn => TaskSource.BuiltIn;

    /// <summary>The seed that examples are drawn with, the harness's own.</summary>
    public const int FewshotSeed = 1234;

    /// <summary>The name that a task file gives its task or group; its data is not read.</summary>
    /// <exception cref="BadInputException">The file is no task's.</exception>
    public static string NameOf(string file)
    {
        var content = TaskSource.Find(
            Path.GetDirectoryName(Path.GetFullPath(file))!, Path.GetFullPath(file), new(_ => null))!.Content;
        return content.OptionalString("group") ?? content.RequiredString("task");
    }

    /// <summary>Reads a task and its data and checks every row; of a group, all its tasks.</summary>
    /// <param name="folder">Where relative paths among the arguments begin: the folder of the run's spec.</param>
    /// <param name="task">
    /// Name of a built-in task, or path of a task file. Paths in that file begin at the file's own folder.
    /// </param>
    /// <param name="data">JSONL, JSON or Parquet file, or folder in the Hugging Face layout, instead of the task's own.</param>
    /// <param name="fewshot">
    /// Number of examples instead of the task's own; a task that says 0 keeps it, as in the harness.
    /// </param>
    /// <param name="limit">Only the first so many rows (of each task of a group).</param>
    /// <param name="metric">The metric that counts; null for the first of metric_list.</param>
    /// <param name="refusal">Says why a file or folder may not be read, before it is; null where all may.</param>
    /// <param name="chat">How prompts are put; null for plain text.</param>
    /// <exception cref="BadInputException">The task, its file, its data or a row is not right.</exception>
    public static EvaluationTask Load(
        string folder, string task, string? data = null, int? fewshot = null, int? limit = null, string? metric = null,
        Func<string, string?>? refusal = null, ChatSettings? chat = null)
    {
        folder = Path.GetFullPath(folder);
        if (fewshot < 0)
            throw new BadInputException(task, "fewshot", $"is {fewshot}; it must be 0 or more.");
        if (limit < 1)
            throw new BadInputException(task, "limit", $"is {limit}; it must be 1 or more.");
        if (chat is { FewshotAsMultiturn: true, ApplyTemplate: false })
            throw new BadInputException(task, "fewshot_as_multiturn",
                "needs apply_chat_template: without a template there are no messages.");
        TaskFiles files = new(refusal ?? (_ => null));
        if (TaskSource.Find(folder, task, files) is not { } source)
        {
            var near = Nearest.To(task, BuiltIn);
            throw new BadInputException(Path.GetFullPath(task, folder), "task",
                "is neither a file nor a built-in task "
                + $"({string.Join(", ", BuiltIn)}){(near is null ? "" : $"; did you mean {near}?")}");
        }
        return new Loading(data is null ? null : Path.GetFullPath(data, folder), fewshot, limit, metric, files, chat
            ?? ChatSettings.None).Load(source);
    }

    private sealed record Loading(string? Data, int? Fewshot, int? Limit, string? Metric, TaskFiles Files, ChatSettings Chat)
    {
        private const int DeepestGroup = 8;

        public EvaluationTask Load(TaskSource source, int depth = 0)
        {
            if (source.Content.Members.All(member => member.Key != "group"))
            {
                var definition = TaskFile.Read(source.Content);
                var fewshot = definition.Fewshot.Count == 0 ? 0 : Fewshot ?? definition.Fewshot.Count ?? 0;
                var rows = TaskRows.Read(definition, Data, source.Folder, fewshot, Files).With(definition.AddedFields);
                return EvaluationTask.Of(definition, rows, Data, fewshot, Limit ?? definition.Limit, Metric, Chat);
            }
            var group = GroupFile.Read(source.Content);
            if (depth > DeepestGroup)
                throw new BadInputException(group.File, "task",
                    $"has the group {group.Name} within itself, or more than {DeepestGroup} groups within each other.");
            return EvaluationTask.Of(
                group,
                [.. group.Members.SelectMany(member => Member(member, source.Folder)).Select(member => Load(member, depth + 1))],
                Limit,
                Metric);
        }

        private IReadOnlyList<TaskSource> Member(ConfigurationNode node, string folder)
        {
            if (node is ConfigurationMapping mapping)
            {
                // A member named with settings of its own is that member with these over it.
                var own = TaskSource.Included(mapping, folder, Files);
                return own.Members.Any(member => member.Key is "doc_to_text" or "group") || own.Optional("task") is not { } name
                    ? [new(own, folder)]
                    : TaskSource.Find(folder, name.AsString(), Files) is { } other ? [new(own.Over(other.Content), other.Folder)]
                    : throw name.Error("is neither a file nor a built-in task");
            }
            if (TaskSource.Find(folder, node.AsString(), Files) is { } member)
                return [member];
            return TaskSource.Named(folder, node.AsString(), Files) is { Count: > 0 } named ? named
                : throw node.Error($"\"{node.AsString()}\" is neither a file beside the group's, "
                    + "nor the task, group or tag of one, nor a built-in task");
        }
    }
}
