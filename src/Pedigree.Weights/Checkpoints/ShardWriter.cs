using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.Win32.SafeHandles;

namespace Pedigree.Weights.Checkpoints;

/// <summary>
/// One shard, written at known places from any number of threads. With its last byte it is flushed, hashed and
/// renamed, while other shards are being written. Until the checkpoint is complete its name ends in its SHA-256, by
/// which a later process knows it.
/// </summary>
/// <remarks>
/// A file takes one write at a time, and to wait for each other is dear: two threads were seen to take three times as long as two
/// files would. So whoever can spare the bytes while another thread writes leaves them with it and goes on
/// (<see cref="ShardBytes"/>).
/// </remarks>
internal sealed class ShardWriter(string folder, ShardPlan plan) : IDisposable
{
    private readonly string _half = Path.Combine(folder, $"{plan.Name}.part");
    private readonly long _toWrite = plan.Length - plan.Header.Length;
    private readonly Lock _opening = new();
    private readonly Lock _writing = new();
    private readonly ConcurrentQueue<ShardBytes> _left = [];
    private volatile SafeFileHandle? _file;
    private Task<FileDigest>? _finished;
    private long _written;
    private bool _isLeftOut;

    /// <summary>What is written.</summary>
    public ShardPlan Plan => plan;

    /// <summary>Whether all its bytes were written, now or by an earlier process.</summary>
    public bool IsWritten => _finished is not null;

    /// <summary>Where it lies once it is finished; null before, and where it is left out.</summary>
    public string? FinishedPath =>
        _finished is { IsCompletedSuccessfully: true } && !_isLeftOut ? Finished(_finished.Result) : null;

    /// <summary>Finds the shard if an earlier process has finished it, and verifies it.</summary>
    public void TakeUp()
    {
        foreach (var path in Directory.EnumerateFiles(folder,
            $"{plan.Name}.*").Where(path => new FileInfo(path).Length == plan.Length))
        {
            var digest = CheckpointDigest.Compute(folder, Path.GetFileName(path)) with { Name = plan.Name };
            if (path == Finished(digest) && HasHeader(path))
                _finished = Task.FromResult(digest);
        }
    }

    /// <summary>Has no file, but the digest that it would have.</summary>
    public void LeaveOut(FileDigest digest) => (_finished, _isLeftOut) = (Task.FromResult(digest), true);

    /// <summary>Writes bytes of its tensors.</summary>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    public void Write(long position, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0)
            return;
        try
        {
            lock (_writing)
                WriteTensors(position, bytes);
        }
        finally
        {
            WriteLeft();
        }
    }

    /// <summary>Writes bytes of its tensors, or leaves them with the thread that is writing.</summary>
    /// <exception cref="BadInputException">The disk has no room for them, or for what another thread has left.</exception>
    public void Write(ShardBytes bytes)
    {
        _left.Enqueue(bytes);
        WriteLeft();
    }

    /// <summary>Waits until the shard is finished.</summary>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    /// <exception cref="InvalidOperationException">Not all its bytes were written.</exception>
    public FileDigest Seal()
    {
        if (_finished is null && _written != _toWrite)
            throw new InvalidOperationException($"{_written} bytes of {plan.Name} were written; it has {_toWrite}.");
        return (_finished ??= Task.Run(Finish)).GetAwaiter().GetResult();
    }

    /// <summary>Gives the finished shard its own name.</summary>
    public void Rename() => File.Move(Finished(Seal()), Path.Combine(folder, plan.Name));

    /// <summary>Closes the file; what is not finished is removed.</summary>
    public void Dispose()
    {
        // What failed was said, or is of no interest any more.
        Task.WhenAny(_finished ?? Task.CompletedTask).GetAwaiter().GetResult();
        _file?.Dispose();
        if (Directory.Exists(folder))
            File.Delete(_half);
    }

    private string Finished(FileDigest digest) => Path.Combine(folder, $"{plan.Name}.{digest.Sha256}");

    private bool HasHeader(string path)
    {
        using var file = CheckpointFiles.Open(path);
        var header = new byte[plan.Header.Length];
        RandomAccess.Read(file, header, 0);
        return header.AsSpan().SequenceEqual(plan.Header);
    }

    // Its place on disk is taken at once: writing into it is then quicker, and a lack of room is known before the work.
    private SafeFileHandle Open()
    {
        lock (_opening)
        {
            if (_file is not null)
                return _file;
            try
            {
                var file = File.OpenHandle(
                    _half, FileMode.CreateNew, FileAccess.Write, FileShare.Read, FileOptions.None, plan.Length);
                WriteAt(file, 0, plan.Header);
                return _file = file;
            }
            catch (Exception error) when (DurableFiles.IsNoRoom(error))
            {
                throw DurableFiles.NoRoom(_half, plan.Length, error);
            }
        }
    }

    // Whoever left something comes here next, and so does whoever was writing meanwhile, afterwards: one of the two is let in, and
    // stays until nothing is left, whatever fails: nobody else would write it.
    private void WriteLeft()
    {
        Exception? failure = null;
        while (!_left.IsEmpty && _writing.TryEnter())
        {
            while (_left.TryDequeue(out var bytes))
            {
                try
                {
                    WriteTensors(bytes.Position, bytes.Bytes);
                }
                catch (Exception error)
                {
                    failure ??= error;
                }
                bytes.Release();
            }
            _writing.Exit();
        }
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    private void WriteTensors(long position, ReadOnlySpan<byte> bytes)
    {
        WriteAt(_file ?? Open(), position, bytes);
        _written += bytes.Length;
        if (_written == _toWrite)
            _finished = Task.Run(Finish);
    }

    private void WriteAt(SafeFileHandle file, long position, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(file, bytes, position);
        }
        catch (Exception error) when (DurableFiles.IsNoRoom(error))
        {
            throw DurableFiles.NoRoom(_half, plan.Length, error);
        }
    }

    private FileDigest Finish()
    {
        var file = _file ?? Open();
        try
        {
            // The disk writes while the processor hashes.
            var flushed = Task.Run(() => RandomAccess.FlushToDisk(file));
            var digest = CheckpointDigest.Compute(folder, Path.GetFileName(_half)) with { Name = plan.Name };
            flushed.GetAwaiter().GetResult();
            file.Dispose();
            File.Move(_half, Finished(digest));
            DurableFiles.FlushFolder(folder);
            return digest;
        }
        catch (Exception error) when (DurableFiles.IsNoRoom(error))
        {
            throw DurableFiles.NoRoom(_half, plan.Length, error);
        }
    }
}
