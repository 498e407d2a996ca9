using System.Reflection;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights;
using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>A task's or group's YAML, with what it includes, and where relative paths in it begin.</summary>
/// <param name="Content">The file's keys over those of the file it includes.</param>
/// <param name="Folder">Folder of the file; of a built-in task that from which it was asked for.</param>
internal sealed record TaskSource(ConfigurationMapping Content, string Folder)
{
    private static readonly Assembly Here = typeof(TaskSource).Assembly;

    /// <summary>Names of the tasks and groups that are built in.</summary>
    public static IReadOnlyList<string> BuiltIn { get; } =
        [.. Here.GetManifestResourceNames().Where(name => name.EndsWith(".yaml", StringComparison.Ordinal) && name[0] != '_')
            .Select(name => name[..^".yaml".Length]).Order(StringComparer.Ordinal)];

    /// <summary>
    /// A built-in task by name or a file by path; null where there is none. What is named as a file and is there is the file,
    /// unless a built-in task includes it.
    /// </summary>
    /// <exception cref="BadInputException">The file is not YAML, or includes itself or a file that is not there.</exception>
    public static TaskSource? Find(string folder, string name, TaskFiles files, int depth = 0, bool forBuiltIn = false)
    {
        if (depth > 8)
            throw new BadInputException(name, "include", "includes itself, or more than eight files in a row");
        string path = Path.GetFullPath(name, folder), text;
        var asFile = name.EndsWith(".yaml", StringComparison.Ordinal);
        var resource = asFile && !forBuiltIn && File.Exists(path) ? null
            : Here.GetManifestResourceStream(asFile ? name : name + ".yaml");
        if (resource is not null)
        {
            using var reader = new StreamReader(resource);
            (path, text) = (name, reader.ReadToEnd());
        }
        else if ((File.Exists(path) ? path : File.Exists(path + ".yaml") ? path + ".yaml" : null) is { } file)
        {
            files.Allowed(file, folder, name, "task");
            (path, text, folder) = (file, File.ReadAllText(InputFile.Readable(file)), Path.GetDirectoryName(file)!);
        }
        else
        {
            return null;
        }
        return new TaskSource(Included(
            ConfigurationReader.Parse(path, text, TaskFunctions.Tag), folder, files, depth, resource is not null), folder);
    }

    /// <summary>The task or group of a name among the files of a folder, or else all tasks with that tag.</summary>
    /// <exception cref="BadInputException">A file that speaks of it is not YAML.</exception>
    public static IReadOnlyList<TaskSource> Named(string folder, string name, TaskFiles files)
    {
        var there = Directory.GetFiles(folder, "*.yaml").Order(StringComparer.Ordinal)
            .Where(file => File.ReadAllText(InputFile.Readable(file)).Contains(name, StringComparison.Ordinal))
            .Select(file => Find(folder, file, files)!).ToList();
        return there.Find(source => Has(source, "group", name) || Has(source, "task", name)) is { } own ? [own]
            : there.FindAll(source => Has(source, "tag", name));
    }

    private static bool Has(TaskSource source, string key, string name) => source.Content.Optional(key) switch
    {
        ConfigurationScalar { Value: string text } => text == name,
        // A group's list of tasks is no name of its own.
        ConfigurationSequence list =>
            key == "tag" && list.Items.Any(item => item is ConfigurationScalar { Value: string text } && text == name),
        _ => false,
    };

    /// <summary>A mapping with the file under its key include read in.</summary>
    public static ConfigurationMapping Included(
        ConfigurationMapping content, string folder, TaskFiles files, int depth = 0, bool inBuiltIn = false)
    {
        if (content.Optional("include") is not { } include)
            return content;
        var other = Find(folder, include.AsString(), files, depth + 1, inBuiltIn)
            ?? throw include.Error($"there is no file {Path.GetFullPath(include.AsString(), folder)}");
        return content.Without("include").Over(other.Content);
    }
}
