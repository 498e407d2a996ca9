using System.Text.Json.Serialization;

namespace Pedigree.Weights.Checkpoints;

/// <summary>A file of a checkpoint: its name, its length in bytes and its SHA-256 in lower hexadecimal.</summary>
public sealed record FileDigest(string Name, long Length, string Sha256);

/// <summary>The files that make up a checkpoint (weights, index, config, tokenizer), by ordinal name.</summary>
public sealed record CheckpointManifest(IReadOnlyList<FileDigest> Files)
{
    /// <summary>
    /// The content digest: SHA-256, in lower hexadecimal, of the lines <c>sha256 length name</c> of all files in ordinal order of
    /// their names, single spaces between, each line ended by a line feed, in UTF-8.
    /// </summary>
    [JsonIgnore]
    public string ContentDigest => Hashing.Sha256(string.Concat(
        Files.OrderBy(file => file.Name, StringComparer.Ordinal).Select(file => $"{file.Sha256} {file.Length} {file.Name}\n")));
}
