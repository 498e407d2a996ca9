using System.Text;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Storage;

/// <summary>Writes files that appear whole or not at all.</summary>
public static class WholeFile
{
    /// <summary>Writes a text under a temporary name in <paramref name="temporary"/>, flushes it to the disk and renames it.</summary>
    /// <exception cref="BadInputException">The disk has no room, or it may not be written.</exception>
    public static void Write(string path, string text, string temporary)
    {
        DurableFiles.FailRatherThanDie();
        string half = Path.Combine(temporary, Path.GetRandomFileName());
        try
        {
            using (FileStream file = new(half, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(Encoding.UTF8.GetBytes(text));
                file.Flush(flushToDisk: true);
            }
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.Move(half, path, overwrite: true);
            DurableFiles.FlushFolder(Path.GetDirectoryName(path)!);
        }
        catch (Exception error) when (IsDisk(error))
        {
            File.Delete(half);
            throw NotWritten(path, error);
        }
    }

    /// <summary>Whether writing failed for the disk's sake: .NET reports a file beyond the allowed size as an argument out of range.</summary>
    internal static bool IsDisk(Exception error) => error is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException;

    internal static BadInputException NotWritten(string path, Exception error) => new(path, null,
        $"could not be written ({(error is ArgumentOutOfRangeException ? "a file may not be that large here" : error.Message)}); "
        + "make room and run the same command again: what is finished stays");
}
