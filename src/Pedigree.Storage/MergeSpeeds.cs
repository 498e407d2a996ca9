using System.Text.Json;
using Pedigree.Weights.Merging;

namespace Pedigree.Storage;

/// <summary>
/// How quick this machine's last merges were, by method: kept beside its cache, because it is no property of a store.
/// </summary>
public static class MergeSpeeds
{
    /// <summary>A merge that is smaller tells more of files and threads than of weights.</summary>
    public const long Least = 100_000_000;

    private static string File => Path.Combine(CheckpointCache.FolderOfEnvironment(), "merge-speeds.json");

    /// <summary>The last merge of a method that was large enough to tell; null where there was none.</summary>
    public static MergeSpeed? Find(string method) => Read().GetValueOrDefault(method);

    /// <summary>Notes a merge, if it is large enough to tell.</summary>
    public static void Add(MergeSpeed speed)
    {
        if (speed.Bytes < Least || speed.Seconds <= 0)
            return;
        SortedDictionary<string, MergeSpeed> speeds = new(Read(), StringComparer.Ordinal) { [speed.Method] = speed };
        string half = $"{File}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(File)!);
            System.IO.File.WriteAllBytes(half, JsonSerializer.SerializeToUtf8Bytes(speeds, JsonSerializerOptions.Web));
            System.IO.File.Move(half, File, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The merge is made; the next one's time is then a guess.
            if (System.IO.File.Exists(half))
                System.IO.File.Delete(half);
        }
    }

    private static Dictionary<string, MergeSpeed> Read()
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, MergeSpeed>>(
                System.IO.File.ReadAllBytes(File), JsonSerializerOptions.Web) ?? [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException)
        {
            return [];
        }
    }
}
