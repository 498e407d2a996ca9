using Pedigree.Weights.Checkpoints;

namespace Pedigree.Storage;

/// <summary>
/// A folder for half-made things. Disposed it is gone; what a process that died left is removed by a later one. A folder that has
/// a name stays with what is in it, and can be taken up again; it is removed where nobody has for a week.
/// </summary>
public sealed class WorkFolder : IDisposable
{
    private const string LockEnding = ".lock", NamedEnding = ".named";

    private static readonly TimeSpan Kept = TimeSpan.FromDays(7);

    private readonly FileStream _held;
    private readonly bool _named;

    private WorkFolder(string path, FileStream held, bool named = false) => (Path, _held, _named) = (path, held, named);

    /// <summary>The folder.</summary>
    public string Path { get; }

    internal static WorkFolder Create(string parent)
    {
        Directory.CreateDirectory(parent);
        while (true)
        {
            string path = System.IO.Path.Combine(parent, System.IO.Path.GetRandomFileName());
            // Not to be had where a sweep has come in between.
            if (LockFile.TryTake(path + LockEnding) is not { } held)
                continue;
            Directory.CreateDirectory(path);
            return new(path, held);
        }
    }

    /// <summary>
    /// The folder of a name, with what a process that died has left in it; nobody else has it until it is disposed.
    /// </summary>
    internal static async Task<WorkFolder> OpenAsync(string parent, string name, CancellationToken cancellation)
    {
        Directory.CreateDirectory(parent);
        string path = System.IO.Path.Combine(parent, name);
        while (true)
        {
            FileStream held = await LockFile.TakeAsync(path + NamedEnding, cancellation: cancellation);
            // Whoever had it before may have removed the file that was waited for.
            if (!File.Exists(path + NamedEnding))
            {
                held.Dispose();
                continue;
            }
            File.SetLastWriteTimeUtc(held.SafeFileHandle, DateTime.UtcNow);
            Directory.CreateDirectory(path);
            return new(path, held, named: true);
        }
    }

    /// <summary>Removes the work folders of processes that died.</summary>
    internal static void Sweep(string parent)
    {
        if (!Directory.Exists(parent))
            return;
        foreach (string file in Directory.EnumerateFiles(parent, $"*{LockEnding}"))
        {
            if (LockFile.TryTake(file) is { } held)
                new WorkFolder(file[..^LockEnding.Length], held).Dispose();
        }
        foreach (string file in Directory.EnumerateFiles(parent, $"*{NamedEnding}"))
        {
            if (File.GetLastWriteTimeUtc(file) < DateTime.UtcNow - Kept && LockFile.TryTake(file) is { } held)
            {
                new WorkFolder(file[..^NamedEnding.Length], held, named: true).Remove();
                held.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // What is in a folder that has a name stays for whoever takes it up again.
        if (!_named || !Directory.EnumerateFileSystemEntries(Path).Any())
            Remove();
        _held.Dispose();
    }

    private void Remove()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
        File.Delete(Path + (_named ? NamedEnding : LockEnding));
    }
}
