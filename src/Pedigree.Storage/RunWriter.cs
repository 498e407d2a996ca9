using Pedigree.Evolution;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Storage;

/// <summary>The one writer of a run: holds its lock, which the system releases when the process dies, and appends to its log.</summary>
public sealed class RunWriter : IDisposable
{
    private readonly RunFolder _folder;
    private readonly FileStream _lock;
    private readonly FileStream _log;
    private string _previous;

    private RunWriter(RunFolder folder, FileStream runLock)
    {
        _folder = folder;
        _lock = runLock;
        _log = new(folder.Log, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        try
        {
            byte[] bytes = new byte[_log.Length];
            _log.ReadExactly(bytes);
            (History, _previous, long length) = EventLog.Read(folder.Log, folder.Run, bytes, mayBeTorn: true);
            _log.SetLength(length);
            _log.Position = length;
        }
        catch
        {
            _log.Dispose();
            throw;
        }
    }

    /// <summary>The events that were there when the log was opened; a torn last line was cut off.</summary>
    public IReadOnlyList<LoggedEvent> History { get; }

    /// <summary>Takes the run's lock, makes its folder where there is none, empties its <c>tmp</c> and verifies its log.</summary>
    /// <exception cref="BadInputException">Another process writes the run, or the log is damaged.</exception>
    public static RunWriter Open(RunFolder folder)
    {
        DurableFiles.FailRatherThanDie();
        Directory.CreateDirectory(folder.Path);
        FileStream runLock = Lock(folder);
        try
        {
            if (Directory.Exists(folder.Temporary))
                Directory.Delete(folder.Temporary, recursive: true);
            Directory.CreateDirectory(folder.Temporary);
            return new(folder, runLock);
        }
        catch
        {
            runLock.Dispose();
            throw;
        }
    }

    /// <summary>Adds an event; it is on the disk when this returns. After an error the log is as it was before.</summary>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    public LoggedEvent Append(RunEvent runEvent, DateTimeOffset time)
    {
        byte[] line = EventLine.Write(_folder.Run, time, _previous, runEvent);
        long length = _log.Length;
        try
        {
            _log.Write([.. line, (byte)'\n']);
            _log.Flush(flushToDisk: true);
        }
        catch (Exception error) when (WholeFile.IsDisk(error))
        {
            _log.SetLength(length);
            _log.Position = length;
            throw WholeFile.NotWritten(_folder.Log, error);
        }
        _previous = EventLine.Hash(line);
        return new(time, runEvent);
    }

    /// <summary>Gives the lock back.</summary>
    public void Dispose()
    {
        _log.Dispose();
        _lock.Dispose();
    }

    private static FileStream Lock(RunFolder folder)
    {
        const int SharingViolation = unchecked((int)0x80070020), WouldBlockLinux = 11, WouldBlockMac = 35;
        try
        {
            return new(folder.Lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error) when (error.HResult is SharingViolation or WouldBlockLinux or WouldBlockMac)
        {
            throw new BadInputException(folder.Path, null,
                $"run {folder.Run} is being written by another process; wait for it, or choose another run id");
        }
    }
}
