namespace Pedigree.Weights.Checkpoints;

/// <summary>
/// Files that processes, and tasks of one process, lock against each other; the system releases them when a process dies.
/// </summary>
public static class LockFile
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <summary>Takes a lock, alone or together with all that share it; null where it cannot be had now.</summary>
    /// <param name="path">The file; made where there is none.</param>
    /// <param name="shared">Whether others may hold it too, if they share it.</param>
    /// <param name="passing">Whether the file goes away with the lock.</param>
    public static FileStream? TryTake(string path, bool shared = false, bool passing = false)
    {
        const int SharingViolation = unchecked((int)0x80070020), WouldBlockLinux = 11, WouldBlockMac = 35;
        try
        {
            return shared
                ? new(path, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite)
                : new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 0, passing
                    ? FileOptions.DeleteOnClose
                    : FileOptions.None);
        }
        catch (IOException error) when (error.HResult is SharingViolation or WouldBlockLinux or WouldBlockMac)
        {
            return null;
        }
    }

    /// <summary>Takes a lock as soon as it can be had.</summary>
    public static async Task<FileStream> TakeAsync(string path, bool shared = false, CancellationToken cancellation = default)
    {
        while (true)
        {
            if (TryTake(path, shared) is { } taken)
                return taken;
            await Task.Delay(Pause, cancellation);
        }
    }
}
