using System.Text.RegularExpressions;

namespace Pedigree.Storage;

/// <summary>A folder that holds runs, and checkpoints, scores and Gram rows by their digests. Nothing is made until it is written.</summary>
public sealed partial class Store(string root)
{
    /// <summary>The folder, absolute.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>Ids of the runs, in ordinal order.</summary>
    public IReadOnlyList<string> Runs => !Directory.Exists(RunsFolder) ? []
        : [.. Directory.EnumerateDirectories(RunsFolder).Select(folder => Path.GetFileName(folder))
            .Where(name => RunFolder.IsId(name) && Run(name).Exists).Order(StringComparer.Ordinal)];

    /// <summary>Where a run lies.</summary>
    /// <exception cref="Weights.BadInputException">The id cannot name a run.</exception>
    public RunFolder Run(string id) => new(RunsFolder, id);

    /// <summary>Where a checkpoint lies, or what is known of an admitted one.</summary>
    public string Checkpoint(string digest) => Path.Combine(Root, "checkpoints", Checked(digest));

    /// <summary>Where an admitted checkpoint's path and manifest are kept.</summary>
    public string Source(string digest) => Path.Combine(Checkpoint(digest), "source.json");

    /// <summary>Digests of the admitted checkpoints.</summary>
    internal IEnumerable<string> Sources => !Directory.Exists(Path.Combine(Root, "checkpoints")) ? []
        : Directory.EnumerateDirectories(Path.Combine(Root, "checkpoints")).Select(folder => Path.GetFileName(folder))
            .Where(name => DigestPattern().IsMatch(name) && File.Exists(Source(name))).Order(StringComparer.Ordinal);

    /// <summary>Where a score is kept.</summary>
    public string Score(string key) => Path.Combine(Root, "scores", $"{Checked(key)}.json");

    /// <summary>Where the Gram row of a model relative to a base is kept.</summary>
    public string Gram(string digest) => Path.Combine(Root, "grams", $"{Checked(digest)}.json");

    private string RunsFolder => Path.Combine(Root, "runs");

    // Digests also come from logs: what is not one shall not become a path.
    private static string Checked(string digest) =>
        DigestPattern().IsMatch(digest) ? digest : throw new ArgumentException($"`{digest}` is not a digest", nameof(digest));

    [GeneratedRegex(@"^[0-9a-f]{64}\z")]
    private static partial Regex DigestPattern();
}
