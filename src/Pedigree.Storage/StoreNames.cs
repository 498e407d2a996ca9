using System.Text.RegularExpressions;
using Pedigree.Weights;
using Pedigree.Weights.Merging;

namespace Pedigree.Storage;

/// <summary>
/// Names of the things in a store. What is not a digest, a run's id or a file's name never becomes part of one.
/// </summary>
public static partial class StoreNames
{
    /// <summary>The file in an admitted checkpoint's folder that says where it lies and what its files are.</summary>
    public const string SourceFile = "source.json";

    /// <summary>A score, by its key.</summary>
    public static string Score(string key) => $"scores/{Digest(key)}.json";

    /// <summary>The rows that a score was made of.</summary>
    public static string Items(string key) => $"scores/{Digest(key)}.parquet";

    /// <summary>Whether something is a score or belongs to one.</summary>
    public static bool IsScore(string name) => name.StartsWith("scores/", StringComparison.Ordinal);

    /// <summary>The Gram row of a model relative to a base.</summary>
    public static string Gram(string digest) => $"grams/{Digest(digest)}.json";

    /// <summary>A checkpoint's folder.</summary>
    public static string Checkpoint(string digest) => $"checkpoints/{Digest(digest)}";

    /// <summary>A file of a checkpoint.</summary>
    public static string CheckpointFile(string digest, string file) => $"{Checkpoint(digest)}/{File(file)}";

    /// <summary>What a child was made of and what its files are.</summary>
    public static string Recipe(string digest) => $"{Checkpoint(digest)}/{MergeRecipe.FileName}";

    /// <summary>Where an admitted checkpoint lies and what its files are.</summary>
    public static string Source(string digest) => $"{Checkpoint(digest)}/{SourceFile}";

    /// <summary>What stays of a child whose checkpoint was removed.</summary>
    public static string RemovedRecipe(string digest) => $"recipes/{Digest(digest)}.json";

    /// <summary>Whether a run may have this id.</summary>
    public static bool IsRun(string id) => RunPattern().IsMatch(id);

    /// <summary>Whether a text is a digest.</summary>
    public static bool IsDigest(string text) => DigestPattern().IsMatch(text);

    /// <summary>Refuses a name that would climb out of the store or mean something to a file system.</summary>
    internal static string Checked(string name) => name.Split('/').All(segment => FilePattern().IsMatch(segment)) ? name
        : throw new ArgumentException($"`{name}` is not the name of a thing in a store", nameof(name));

    // Digests also come from logs: what is not one shall not become a path.
    private static string Digest(string digest) =>
        IsDigest(digest) ? digest : throw new ArgumentException($"`{digest}` is not a digest", nameof(digest));

    private static string File(string name) =>
        FilePattern().IsMatch(name) ? name : throw new BadInputException(name, null, "is not the name of a file of a checkpoint");

    [GeneratedRegex(@"^[0-9a-f]{64}\z")]
    private static partial Regex DigestPattern();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex RunPattern();

    [GeneratedRegex(@"^(?!\.{1,2}\z)[^/\\:*?""<>|\x00-\x1f]{1,200}\z")]
    private static partial Regex FilePattern();
}
