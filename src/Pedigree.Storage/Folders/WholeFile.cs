using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Storage.Folders;

/// <summary>Writes files that appear whole or not at all.</summary>
internal static class WholeFile
{
    /// <summary>
    /// Writes bytes under a temporary name in <paramref name="temporary"/>, flushes them to the disk and renames the file.
    /// </summary>
    /// <exception cref="BadInputException">The disk has no room, or it may not be written.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content, string temporary)
    {
        DurableFiles.FailRatherThanDie();
        string half = Path.Combine(temporary, Path.GetRandomFileName());
        try
        {
            using (FileStream file = new(half, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Move(half, path, overwrite: true);
            DurableFiles.FlushFolder(Path.GetDirectoryName(path)!);
        }
        catch (Exception error) when (IsDisk(error))
        {
            throw NotWritten(path, error);
        }
    }

    /// <summary>
    /// Whether writing failed for the disk's sake: .NET reports a file beyond the allowed size as an argument out of range.
    /// </summary>
    public static bool IsDisk(Exception error) =>
        error is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException;

    /// <summary>The error that tells a person so.</summary>
    public static UnavailableException NotWritten(string path, Exception error) => new(path, null,
        $"could not be written ({(error is ArgumentOutOfRangeException ? "a file may not be that large here" : error.Message)}); "
        + "make room or give the right to write, and run the same command again: what is finished stays");
}
