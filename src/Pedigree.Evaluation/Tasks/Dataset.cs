using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>A folder of data in the Hugging Face layout: {split}.jsonl, or {split}-00000-of-00001.parquet and so on.</summary>
internal static class Dataset
{
    private static readonly string[] Endings = [".parquet", ".jsonl", ".json"];

    /// <summary>
    /// The rows of a split and the SHA-256 of its files. They are looked for in {name}/, {name}/data/,
    /// data/ and the folder itself.
    /// </summary>
    /// <exception cref="BadInputException">There is no such split, or a row is not right.</exception>
    public static (IReadOnlyList<DataRow> Rows, string Digest) ReadSplit(string folder, string? name, string split)
    {
        string[] places = name is null ? [Path.Combine(folder, "data"), folder]
            : [Path.Combine(folder, name), Path.Combine(folder, name, "data"), Path.Combine(folder, "data"), folder];
        foreach (var place in places.Where(Directory.Exists))
        {
            var files = Directory.GetFiles(place)
                .Where(file => IsOf(split, Path.GetFileName(file))).Order(StringComparer.Ordinal).ToList();
            if (files.Count == 0)
                continue;
            var parts = files.Select(DataRow.ReadAll).ToList();
            return ([.. parts.SelectMany(part => part.Rows)], parts.Count == 1 ? parts[0].Digest
                : Hashing.Sha256(string.Concat(parts.Select(part => part.Digest))));
        }
        var there = places.Where(Directory.Exists)
            .SelectMany(Directory.GetFiles)
            .Where(file => Endings.Contains(Path.GetExtension(file)))
            .Select(Path.GetFileName);
        throw new BadInputException(folder, split,
            $"there is no split of that name; {split}.jsonl, {split}.json or {split}-*.parquet would be right. "
            + $"There is {(string.Join(", ", there) is { Length: > 0 } list ? list : "nothing")}.");
    }

    private static bool IsOf(string split, string file) =>
        Endings.Contains(Path.GetExtension(file)) && file.StartsWith(split, StringComparison.Ordinal)
        && file.Length > split.Length
        && file[split.Length] is '.' or '-'
        && (file[split.Length] == '-' || file.LastIndexOf('.') == split.Length);
}
