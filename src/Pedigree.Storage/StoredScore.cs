using System.Text.Json;
using Pedigree.Evolution;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>Reads and writes the file of a score.</summary>
public static class StoredScore
{
    /// <summary>The score in a file; null where there is none.</summary>
    /// <exception cref="BadInputException">The file is not as it was written.</exception>
    public static TaskScore? Read(string file)
    {
        if (!File.Exists(file))
            return null;
        try
        {
            return JsonSerializer.Deserialize<TaskScore>(File.ReadAllText(file), EventJson.Options) is { Task: not null, Metric: not null } score
                ? score : throw new JsonException();
        }
        catch (JsonException error)
        {
            throw new BadInputException(file, error.Path, "is not a score as it was written; remove the file and it is computed again");
        }
    }

    /// <summary>Keeps a score.</summary>
    public static void Write(string file, TaskScore score, string temporary) =>
        WholeFile.Write(file, JsonSerializer.Serialize(score, EventJson.Options) + "\n", temporary);
}
