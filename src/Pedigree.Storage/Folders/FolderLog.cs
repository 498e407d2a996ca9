using Pedigree.Weights.Checkpoints;

namespace Pedigree.Storage.Folders;

/// <summary>A log in a folder, beside a lock that one writer at a time holds.</summary>
internal sealed class FolderLog : ILogAppender
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly FileStream _lock;
    private readonly FileStream _log;

    private FolderLog(string path, FileStream held)
    {
        _lock = held;
        _log = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
    }

    public static async Task<FolderLog> OpenAsync(string path, bool exclusive, CancellationToken cancellation)
    {
        DurableFiles.FailRatherThanDie();
        string folder = Path.GetDirectoryName(path)!, lockPath = Path.Combine(folder, "lock");
        Directory.CreateDirectory(folder);
        FileStream? held = LockFile.TryTake(lockPath);
        if (held is null && !exclusive)
        {
            // Whoever else appends a line now is done at once; who holds the lock for a run is not.
            using CancellationTokenSource soon = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            soon.CancelAfter(Patience);
            held = await TakeAsync(lockPath, soon.Token, cancellation);
        }
        if (held is null)
            throw RunWriter.Refused(folder, Path.GetFileName(folder));
        try
        {
            return new(path, held);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public Task<bool> AppendAsync(ReadOnlyMemory<byte> line, long position)
    {
        byte[] rest = new byte[Math.Max(0, _log.Length - position)];
        _log.Position = position;
        _log.ReadExactly(rest);
        if (rest.Contains((byte)'\n'))
            return Task.FromResult(rest.AsSpan().StartsWith(line.Span));
        try
        {
            // What has no newline was never acknowledged.
            _log.SetLength(position);
            _log.Position = position;
            _log.Write(line.Span);
            _log.Flush(flushToDisk: true);
        }
        catch (Exception error) when (WholeFile.IsDisk(error))
        {
            _log.SetLength(position);
            throw WholeFile.NotWritten(_log.Name, error);
        }
        return Task.FromResult(true);
    }

    public ValueTask DisposeAsync()
    {
        _log.Dispose();
        _lock.Dispose();
        return ValueTask.CompletedTask;
    }

    private static async Task<FileStream?> TakeAsync(string path, CancellationToken soon, CancellationToken cancellation)
    {
        try
        {
            return await LockFile.TakeAsync(path, shared: false, soon);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }
}
