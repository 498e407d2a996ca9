namespace Pedigree.Weights.Checkpoints;

/// <summary><c>model.safetensors.index.json</c>: which tensor is in which shard.</summary>
internal sealed record ShardIndex(string Path, IReadOnlyDictionary<string, string> ShardOf, IReadOnlyList<string> Shards)
{
    /// <exception cref="BadInputException">It is not an index, or a shard's name is not that of a file beside it.</exception>
    public static ShardIndex Read(string path)
    {
        var root = CheckpointFiles.ReadObject(path, (int)SafetensorsHeader.MaxLength);
        if (root["weight_map"] is not System.Text.Json.Nodes.JsonObject map)
            throw new BadInputException(path, "`weight_map`", "must be a JSON object from tensor names to shard names");
        var shardOf = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in map)
        {
            if (value is null || value.GetValueKind() != System.Text.Json.JsonValueKind.String)
                throw new BadInputException(path, Field(name), "must map to the name of a shard");
            var shard = value.GetValue<string>();
            if (!IsPlainName(shard))
                throw new BadInputException(path, Field(name),
                    $"maps to `{SafetensorsHeader.Shown(shard)}`; a shard must be a `.safetensors` file in the same folder, "
                    + "named without a path");
            shardOf.Add(name, shard);
        }
        return new(path, shardOf, [.. shardOf.Values.Distinct().Order(StringComparer.Ordinal)]);
    }

    /// <summary>Refuses a shard that does not hold exactly the tensors that the index gives it.</summary>
    public void CheckShard(string shard, string shardPath, IEnumerable<SafetensorsEntry> entries)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            found.Add(entry.Name);
            if (!ShardOf.TryGetValue(entry.Name, out var named))
                throw new BadInputException(
                    shardPath, Field(entry.Name), $"is not in `{CheckpointFiles.Index}`, which must name every tensor");
            if (named != shard)
                throw new BadInputException(shardPath, Field(entry.Name),
                    $"should be in `{named}` alone, says `{CheckpointFiles.Index}`");
        }
        foreach (var (name, named) in ShardOf)
        {
            if (named == shard && !found.Contains(name))
                throw new BadInputException(Path, Field(name), $"is said to be in `{shard}`, but that file does not hold it");
        }
    }

    private static string Field(string name) => $"tensor `{SafetensorsHeader.Shown(name)}`";

    // Checked by hand rather than with Path: a name written on one system must mean the same on every other.
    private static bool IsPlainName(string name) =>
        name.EndsWith(".safetensors", StringComparison.Ordinal) && !name.Any(c => c is '/' or '\\' or ':' || char.IsControl(c));
}
