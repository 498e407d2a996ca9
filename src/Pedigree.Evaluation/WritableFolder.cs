using Pedigree.Weights;

namespace Pedigree.Evaluation;

/// <summary>Finds out whether results can be written before hours are spent on them.</summary>
internal static class WritableFolder
{
    /// <summary>Bytes that file systems take.</summary>
    private const int LongestName = 255;

    /// <summary>Writes a file where the folder is, or would be made, and removes it.</summary>
    /// <exception cref="BadInputException">Nothing can be written there.</exception>
    public static void Check(string folder)
    {
        try
        {
            var there = Path.GetFullPath(folder);
            if (there.Split(Path.DirectorySeparatorChar)
                .FirstOrDefault(part => System.Text.Encoding.UTF8.GetByteCount(part) > LongestName) is { } part)
                throw new IOException($"{part[..20]}… is longer than a name can be");
            for (; !Directory.Exists(there); there = Path.GetDirectoryName(there)!)
                if (File.Exists(there))
                    throw new IOException($"{there} is a file");
            using var _ = File.Create(Path.Combine(there, $".{Guid.NewGuid():N}.tmp"), 1, FileOptions.DeleteOnClose);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new BadInputException(folder, null, $"cannot be written: {error.Message}; name a folder that can");
        }
    }
}
