using System.Reflection;
using Pedigree.Weights;
using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>Finds tasks: built in by name, or a YAML file by path.</summary>
public static class TaskLoader
{
    private static readonly Assembly Here = typeof(TaskLoader).Assembly;

    /// <summary>Names of the tasks that are built in.</summary>
    public static IReadOnlyList<string> BuiltIn { get; } =
        [.. Here.GetManifestResourceNames().Where(name => name.EndsWith(".yaml", StringComparison.Ordinal))
            .Select(name => name[..^".yaml".Length]).Order(StringComparer.Ordinal)];

    /// <summary>Reads a task and its data and checks every row.</summary>
    /// <param name="folder">Where relative paths among the arguments begin: the folder of the run's spec.</param>
    /// <param name="task">Name of a built-in task, or path of a task file. Paths in that file begin at the file's own folder.</param>
    /// <param name="data">JSONL file instead of the task's own.</param>
    /// <param name="fewshot">Number of examples instead of the task's own.</param>
    /// <param name="limit">Only the first so many rows.</param>
    /// <param name="metric">The metric that counts; null for the first of metric_list.</param>
    /// <exception cref="BadInputException">The task, its file, its data or a row is not right.</exception>
    public static EvaluationTask Load(
        string folder, string task, string? data = null, int? fewshot = null, int? limit = null, string? metric = null)
    {
        var path = Path.GetFullPath(task, Path.GetFullPath(folder));
        TaskDefinition definition;
        if (BuiltIn.Contains(task))
        {
            using var reader = new StreamReader(Here.GetManifestResourceStream(task + ".yaml")!);
            definition = TaskFile.Read(task, reader.ReadToEnd());
        }
        else if (File.Exists(path))
        {
            definition = TaskFile.Read(path, File.ReadAllText(path));
        }
        else
        {
            var near = Nearest.To(task, BuiltIn);
            throw new BadInputException(path, "task",
                $"is neither a file nor a built-in task ({string.Join(", ", BuiltIn)}){(near is null ? "" : $"; did you mean {near}?")}");
        }
        if (fewshot < 0)
            throw new BadInputException(path, "fewshot", $"is {fewshot}; it must be 0 or more.");
        if (limit < 1)
            throw new BadInputException(path, "limit", $"is {limit}; it must be 1 or more.");

        var home = Path.GetDirectoryName(path)!;
        var dataFile = data is not null ? Path.GetFullPath(data, Path.GetFullPath(folder))
            : definition.Data is { } own ? Path.GetFullPath(own, home)
            : throw new BadInputException(definition.File, "data", "is missing; name the JSONL file that has the task's rows.");
        var fewshotFile = definition.FewshotData is { } pool ? Path.GetFullPath(pool, home) : null;
        return new EvaluationTask(
            definition, dataFile, fewshotFile == dataFile ? null : fewshotFile, fewshot ?? definition.Fewshot, limit ?? definition.Limit, metric);
    }
}
