using System.Text.RegularExpressions;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.References;

/// <summary>
/// One model in the Hugging Face cache, in the layout that its clients share: <c>refs/{revision}</c> holds a commit,
/// <c>snapshots/{commit}/{file}</c> are links to <c>blobs/{etag}</c>, an empty <c>.no_exist/{commit}/{file}</c> says
/// that a commit lacks a file.
/// </summary>
internal sealed partial class HubCache(string cache, string id)
{
    private readonly string _folder = Path.Combine(cache, $"models--{id.Replace("/", "--", StringComparison.Ordinal)}");

    /// <summary>Where a file with this ETag is kept.</summary>
    public string Blob(string etag) => Path.Combine(_folder, "blobs", etag);

    /// <summary>The file that whoever downloads a blob holds locked, other clients included.</summary>
    public string Lock(string etag) => Path.Combine(cache, ".locks", Path.GetFileName(_folder), $"{etag}.lock");

    /// <summary>The folder of a commit.</summary>
    public string Snapshot(string commit) => Path.Combine(_folder, "snapshots", commit);

    /// <summary>The folder of a revision, if all files of a model or an adapter are there.</summary>
    public string? Find(string revision) =>
        Commit(revision) is { } commit && IsWhole(Snapshot(commit)) ? Snapshot(commit) : null;

    /// <summary>
    /// Whether a commit's folder has something of a tokenizer, or it is known that the commit has nothing of one.
    /// </summary>
    public bool HasTokenizerOrNone(string commit) =>
        HubFiles.Tokenizer.Any(name => File.Exists(Path.Combine(Snapshot(commit), name)))
        || HubFiles.Tokenizer.All(name => File.Exists(Lacking(commit, name)));

    /// <summary>Notes that a commit lacks a file, so that no client asks for it again.</summary>
    public void Lack(string commit, string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Lacking(commit, file))!);
        // Several may note it at once.
        new FileStream(Lacking(commit, file), FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite).Dispose();
    }

    /// <summary>Notes the commit that a branch or tag stands for.</summary>
    public void Point(string revision, string commit)
    {
        if (revision == commit)
            return;
        var path = Path.Combine(_folder, "refs", revision);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        File.WriteAllText(temporary, commit);
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Lets a snapshot's file be a blob: a relative link, or the blob itself where the system allows no links.</summary>
    public void Link(string commit, string file, string etag)
    {
        var path = Path.Combine(Snapshot(commit), file);
        if (File.Exists(path))
            return;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // A link to a blob that is gone is there but does not exist.
        File.Delete(path);
        try
        {
            File.CreateSymbolicLink(path, Path.GetRelativePath(Path.GetDirectoryName(path)!, Blob(etag)));
        }
        catch (IOException) when (File.Exists(path))
        {
            // Another process was faster.
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            File.Copy(Blob(etag), path);
        }
    }

    /// <summary>The commit of a revision as far as the cache knows it.</summary>
    public string? Commit(string revision)
    {
        if (IsCommit(revision))
            return revision;
        var path = Path.Combine(_folder, "refs", revision);
        return File.Exists(path) && File.ReadAllText(path).Trim() is var commit && IsCommit(commit) ? commit : null;
    }

    /// <summary>Whether a text is a commit's name; it is then safe in a path.</summary>
    public static bool IsCommit(string text) => CommitName().IsMatch(text);

    private string Lacking(string commit, string file) => Path.Combine(_folder, ".no_exist", commit, file);

    private static bool IsWhole(string folder)
    {
        if (!Directory.Exists(folder))
            return false;
        if (File.Exists(Path.Combine(folder, HubFiles.AdapterConfig))
            && File.Exists(Path.Combine(folder, HubFiles.AdapterWeights)))
            return true;
        try
        {
            return File.Exists(Path.Combine(folder, CheckpointFiles.Config))
                && CheckpointFiles.FindWeights(folder).Names.All(name => File.Exists(Path.Combine(folder, name)));
        }
        catch (BadInputException)
        {
            return false;
        }
    }

    [GeneratedRegex(@"^[0-9a-f]{40}\z")]
    private static partial Regex CommitName();
}
