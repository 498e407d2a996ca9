using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Pedigree.Weights.Checkpoints;

/// <summary>Files that survive a power cut: they appear whole or not at all.</summary>
public static partial class DurableFiles
{
    private const PosixSignal FileSizeExceeded = (PosixSignal)25; // SIGXFSZ on Linux and macOS

    private static readonly PosixSignalRegistration? FileSizeRegistration = OperatingSystem.IsWindows()
        ? null : PosixSignalRegistration.Create(FileSizeExceeded, signal => signal.Cancel = true);

    /// <summary>
    /// Lets a write beyond the allowed size of a file (<c>ulimit -f</c>) fail with an exception instead of ending the process. To
    /// be called before the first such write.
    /// </summary>
    public static void FailRatherThanDie() => GC.KeepAlive(FileSizeRegistration);

    /// <summary>Flushes a folder's list of names to disk, so that a rename within it lasts.</summary>
    public static void FlushFolder(string folder)
    {
        // Windows has no such call, and its file system journals names by itself.
        if (OperatingSystem.IsWindows())
            return;
        var descriptor = OpenFolder(folder, 0);
        if (descriptor < 0)
            throw new IOException($"{folder}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");
        var failed = Flush(descriptor) != 0;
        var error = Marshal.GetLastPInvokeError();
        Close(descriptor);
        if (failed)
            throw new IOException($"{folder}: {new Win32Exception(error).Message}");
    }

    /// <summary>Writes a file that must not exist and flushes it to disk.</summary>
    internal static void WriteNew(string path, ReadOnlySpan<byte> bytes)
    {
        FailRatherThanDie();
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        try
        {
            RandomAccess.Write(file, bytes, 0);
            RandomAccess.FlushToDisk(file);
        }
        catch (Exception error) when (IsNoRoom(error))
        {
            throw NoRoom(path, bytes.Length, error);
        }
    }

    /// <summary>
    /// Whether a write failed for want of room: .NET reports a file beyond the allowed size as an argument out of range.
    /// </summary>
    internal static bool IsNoRoom(Exception error) => error is IOException or ArgumentOutOfRangeException;

    internal static UnavailableException NoRoom(string path, long needed, Exception error) => new(path, null,
        $"takes {needed} bytes, and they could not all be written; make room for them "
        + $"({(error is ArgumentOutOfRangeException ? "a file may not be that large here" : error.Message)})");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFolder(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Flush(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
