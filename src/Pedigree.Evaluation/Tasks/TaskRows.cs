using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>The rows of a task, and those that its examples come from.</summary>
/// <param name="Rows">The rows to be scored.</param>
/// <param name="Digest">SHA-256 of their files.</param>
/// <param name="Pool">The rows that examples come from; the same list where they are the same rows.</param>
/// <param name="PoolDigest">SHA-256 of their files; null where they are part of the definition.</param>
/// <param name="LeaveOutOwn">Whether one example more is drawn and the row asked is left out.</param>
internal sealed record TaskRows(
    IReadOnlyList<DataRow> Rows, string Digest, IReadOnlyList<DataRow> Pool, string? PoolDigest, bool LeaveOutOwn)
{
    /// <summary>All rows with more fields.</summary>
    public TaskRows With(IReadOnlyDictionary<string, TaskTemplate> fields)
    {
        if (fields.Count == 0)
            return this;
        List<DataRow> rows = [.. Rows.Select(row => row.With(fields))];
        return this with { Rows = rows, Pool = ReferenceEquals(Pool, Rows) ? rows : [.. Pool.Select(row => row.With(fields))] };
    }

    /// <summary>Reads what a task needs.</summary>
    /// <param name="definition">The task.</param>
    /// <param name="given">File or folder that takes the place of the task's own.</param>
    /// <param name="home">Where the task's own paths begin.</param>
    /// <param name="fewshot">Number of examples; for 0 none are read.</param>
    /// <param name="files">What may be read.</param>
    public static TaskRows Read(TaskDefinition definition, string? given, string home, int fewshot, TaskFiles files)
    {
        var (data, examples) = (definition.Data, definition.Fewshot);
        string Own(string path, string field) => files.Allowed(path, home, definition.File, field);
        var folder = given is not null && Directory.Exists(given) ? given
            : given is null && data.File is null && data.Folder is { } own ? Own(own, "dataset_path")
            : null;
        if (folder is not null && !Directory.Exists(folder))
            throw new BadInputException(definition.File, "dataset_path",
                $"there is no folder {folder}; data sets are not downloaded, "
                + "so give a local folder (or a file of rows, as data).");
        if (folder is not null && data.Name is { } named)
            files.Allowed(named, folder, definition.File, "dataset_name");
        var file = given is not null && folder is null ? given
            : data.File is { } plain && folder is null ? Own(plain, "data")
            : null;

        (IReadOnlyList<DataRow> Rows, string Digest) Split(string? name) => name is null
            ? throw new BadInputException(definition.File, "test_split",
                "is missing, and so is validation_split; one of them must name the rows that are scored")
            : folder is not null ? Dataset.ReadSplit(folder, data.Name, name)
            : DataRow.ReadAll(Own(data.Files!.TryGetValue(name, out var path) ? path
                : throw new BadInputException(definition.File, "dataset_kwargs.data_files",
                    $"must name the file of the split {name}; it has {string.Join(", ", data.Files.Keys)}"),
                "dataset_kwargs.data_files"));
        if (file is null && folder is null && data.Files is null)
            throw new BadInputException(definition.File, "data",
                "is missing; name a JSONL or Parquet file that has the task's rows, or a folder of them.");

        var (rows, digest) = file is not null ? DataRow.ReadAll(file) : Split(data.Split);
        // The harness compares two names that may both be missing.
        var leaveOutOwn = file is null && examples.Split == data.TestSplit;
        if (examples.Samples is { } samples)
            return new TaskRows(rows, digest, samples, null, leaveOutOwn);
        if (fewshot == 0)
            return new TaskRows(rows, digest, rows, digest, true);
        if (file is not null)
        {
            var poolFile = data.FewshotFile is { } other ? Own(other, "fewshot_data") : file;
            var (pool, poolDigest) = poolFile == file ? (rows, digest) : DataRow.ReadAll(poolFile);
            return new TaskRows(rows, digest, pool, poolDigest, poolFile == file);
        }
        var split = examples.Split ?? data.TrainingSplit ?? data.ValidationSplit ?? data.TestSplit;
        if (split == data.Split || examples.Split is null && folder is null && !data.Files!.ContainsKey(split!))
            return new TaskRows(rows, digest, rows, digest, true);
        var (drawn, drawnDigest) = Split(split);
        return new TaskRows(rows, digest, drawn, drawnDigest, leaveOutOwn);
    }
}
