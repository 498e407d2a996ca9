using Pedigree.Weights.Checkpoints;

namespace Pedigree.Storage;

/// <summary>A folder for half-made things. Disposed it is gone; what a process that died left is removed by a later one.</summary>
public sealed class WorkFolder : IDisposable
{
    private const string LockEnding = ".lock";

    private readonly FileStream _held;

    private WorkFolder(string path, FileStream held) => (Path, _held) = (path, held);

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
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
        File.Delete(Path + LockEnding);
        _held.Dispose();
    }
}
