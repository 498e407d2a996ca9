using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Merging;

/// <summary>Compares a merged model with the recipe beside it.</summary>
public static class MergeVerification
{
    /// <summary>Most bytes of a recipe.json.</summary>
    internal const int MaxLength = 16_000_000;

    /// <summary>Reads every file once; returns the recipe's digest.</summary>
    /// <param name="folder">Where the model lies.</param>
    /// <param name="mayHaveMore">
    /// Whether files may have been added that nobody takes for a part of the model: a note, another format.
    /// </param>
    /// <exception cref="BadInputException">
    /// Names the first file that is missing, changed or added, or a recipe that is not the one named.
    /// </exception>
    public static string Verify(string folder, bool mayHaveMore = false)
    {
        folder = Path.GetFullPath(folder);
        var path = Path.Combine(folder, MergeRecipe.FileName);
        var root = CheckpointFiles.ReadObject(path, MaxLength);
        if (!ChildDescription.IsAsWritten(File.ReadAllBytes(path), root))
            throw new BadInputException(path, null, "is not as it was written");
        if (root["recipe"] is not JsonObject recipe
            || root["files"] is not JsonObject files
            || root["digest"] is not JsonValue digest)
            throw new BadInputException(path, null, "must have the recipe, its digest and the digests of the files");
        var actual = Hashing.Sha256(recipe.ToJsonString());
        if (actual != digest.ToString())
            throw new BadInputException(path, "recipe", $"was changed: its digest is {actual}, not {digest}");
        foreach (var file in CheckpointDigest.Compute(folder, files.Select(file => file.Key)).Files)
            if (file.Sha256 != files[file.Name]?.ToString())
                throw new BadInputException(Path.Combine(folder, file.Name), null,
                    $"was changed: its SHA-256 is {file.Sha256}; {files[file.Name]} was recorded");
        using var checkpoint = Checkpoint.Open(folder);
        var present = mayHaveMore
            ? checkpoint.SourceFiles
            : Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry));
        return present.Where(name => !IsKnown(name)).Order(StringComparer.Ordinal).FirstOrDefault() is { } added
            ? throw new BadInputException(Path.Combine(folder, added), null, "is not in recipe.json: it was added later")
            : actual;

        // What begins with a dot belongs to the tools that keep folders: .git, .gitattributes, .cache.
        bool IsKnown(string name) => name == MergeRecipe.FileName || name[0] == '.' || files.ContainsKey(name);
    }
}
