using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow;

namespace Pedigree.Api.Requests;

/// <summary>
/// Where the paths of a spec that came over HTTP may lead: into the root folders, or to a checkpoint of the store, by digest or
/// as <c>run/model</c>. Links are followed first, and must not lead out.
/// </summary>
public sealed class AllowedPaths
{
    private static readonly EnumerationOptions Everything = new()
    {
        RecurseSubdirectories = true,
        AttributesToSkip = FileAttributes.None,
    };

    private readonly IStore _store;
    private readonly string[] _roots;
    private readonly string[] _realRoots;

    /// <param name="store">The store.</param>
    /// <param name="roots">The folders; relative paths of a spec begin at the first one.</param>
    public AllowedPaths(IStore store, IReadOnlyList<string> roots)
    {
        _store = store;
        _roots = [.. roots.Select(root => Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)))];
        _realRoots = [.. _roots.Select(RealPath.Of)];
    }

    /// <summary>Where relative paths begin.</summary>
    public string Home => _roots[0];

    /// <summary>The spec with absolute paths, and digests in the place of what names a checkpoint of the store.</summary>
    /// <exception cref="RefusedException">A path leads nowhere, or out of the folders.</exception>
    public async Task<RunSpec> ResolveAsync(RunSpec spec, CancellationToken cancellation)
    {
        List<ModelSource> models = [];
        foreach (ModelSource model in spec.Models)
            models.Add(model with { Path = await ModelAsync($"models.{model.Name}", model.Path, cancellation) });
        return spec with
        {
            Base = await ModelAsync("base", spec.Base, cancellation),
            Models = models,
            Tasks = [.. spec.Tasks.Select((task, index) => task with
            {
                Task = IsName(task.Task, spec.Evaluator) ? task.Task : File($"tasks[{index}].task", task.Task),
                Data = task.Data is null ? null : Data($"tasks[{index}].data", task.Data),
            })],
        };
    }

    /// <summary>Why a file or folder that a task file names may not be read; null where it may.</summary>
    public string? Refusal(string path) => Inside(path) is not { } place ? $"`{path}` is not below {Folders}"
        : LeadsOut(place) is { } astray ? $"`{astray}` is a link that leads out of {Folders}" : null;

    /// <summary>A task built in, or one that another program brings and knows by a plain name.</summary>
    private static bool IsName(string task, EvaluatorSpec? evaluator) => TaskLoader.BuiltIn.Contains(task)
        || evaluator is { IsProgram: true } && StoreNames.IsRun(task) && !task.EndsWith(".yaml", StringComparison.Ordinal);

    private async Task<string> ModelAsync(string field, string path, CancellationToken cancellation)
    {
        if (Inside(path) is { } folder && Directory.Exists(folder))
            return Folder(field, path, folder);
        return await StoredModels.DigestAsync(_store, path, cancellation)
            ?? throw RefusedException.Wrong(field,
                $"`{path}` is neither a model below {Folders} nor a checkpoint of the store (its digest, or run/model)");
    }

    private string Data(string field, string path) =>
        Inside(path) is { } folder && Directory.Exists(folder) ? Folder(field, path, folder) : File(field, path);

    private string Folder(string field, string path, string folder)
    {
        CheckLinks(field, path, folder);
        return folder;
    }

    private string File(string field, string path)
    {
        if (Inside(path) is not { } file || !System.IO.File.Exists(file))
            throw RefusedException.Wrong(field, $"`{path}` is no file below {Folders}");
        CheckLinks(field, path, file);
        return file;
    }

    /// <summary>A path, absolute, if it lies in a root by its name.</summary>
    private string? Inside(string path)
    {
        if (path.Length == 0 || path.Contains('\0'))
            return null;
        string whole = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path, Home));
        return _roots.Any(root => Below(whole, root)) ? whole : null;
    }

    private void CheckLinks(string field, string path, string place)
    {
        if (LeadsOut(place) is { } astray)
        {
            string named = astray == place ? path : Path.Join(path, Path.GetRelativePath(place, astray));
            throw RefusedException.Wrong(field, $"`{named}` is a link that leads out of {Folders}");
        }
    }

    /// <summary>What of a file or folder leads out of the roots, links followed; null where nothing does.</summary>
    private string? LeadsOut(string place) =>
        (Directory.Exists(place) ? Directory.EnumerateFileSystemEntries(place, "*", Everything) : []).Prepend(place)
            .FirstOrDefault(each => RealPath.Of(each) is var real && !_realRoots.Any(root => Below(real, root)));

    private string Folders => string.Join(" or ", _roots);

    private static bool Below(string path, string root) =>
        path == root
        || path.StartsWith(
            Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal);
}
