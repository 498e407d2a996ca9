using System.Text;

namespace Pedigree.Storage;

/// <summary>Writes files that appear whole or not at all.</summary>
public static class WholeFile
{
    /// <summary>Writes a text under a temporary name in <paramref name="temporary"/>, flushes it to the disk and renames it.</summary>
    public static void Write(string path, string text, string temporary)
    {
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
        }
        catch
        {
            File.Delete(half);
            throw;
        }
    }
}
