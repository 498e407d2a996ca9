using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;

namespace Pedigree.Storage;

/// <summary>What a child's <c>recipe.json</c> says.</summary>
/// <param name="Parents">Digests of its parents.</param>
/// <param name="Ancestor">Digest of the base.</param>
/// <param name="Files">SHA-256 of every other file in its folder, by name.</param>
public sealed record ChildFiles(IReadOnlyList<string> Parents, string Ancestor, IReadOnlyDictionary<string, string> Files)
{
    /// <summary>
    /// What the recipe of a child in a store says, or of one that was removed; null where there is no such child.
    /// </summary>
    /// <exception cref="BadInputException">The file is not as it was written.</exception>
    public static async Task<ChildFiles?> ReadAsync(IStore store, string digest, CancellationToken cancellation = default) =>
        await FindAsync(store, StoreNames.Recipe(digest), cancellation)
        ?? await FindAsync(store, StoreNames.RemovedRecipe(digest), cancellation);

    private static async Task<ChildFiles?> FindAsync(IStore store, string name, CancellationToken cancellation) =>
        await store.ReadAsync(name, cancellation: cancellation) is { } content ? Parse(content, store.AddressOf(name)) : null;

    /// <summary>Whether a store has a child with all its files; what they hold is not looked at.</summary>
    /// <exception cref="BadInputException">Its recipe is not as it was written.</exception>
    public static async Task<bool> AreThereAsync(IStore store, string digest, CancellationToken cancellation = default)
    {
        if (await FindAsync(store, StoreNames.Recipe(digest), cancellation) is not { } child)
            return false;
        foreach (string name in child.Files.Keys)
            if (!await store.ExistsAsync(StoreNames.CheckpointFile(digest, name), cancellation))
                return false;
        return true;
    }

    /// <summary>
    /// The content digest of a child that lies anywhere, by the recipe.json beside it; null where there is none that says it.
    /// </summary>
    public static string? ContentBeside(Checkpoint checkpoint)
    {
        string path = Path.Combine(checkpoint.Folder, MergeRecipe.FileName);
        try
        {
            return File.Exists(path) ? Parse(File.ReadAllBytes(path), path).Content(checkpoint) : null;
        }
        catch (BadInputException)
        {
            return null;
        }
    }

    /// <summary>The content digest of a child, from the recorded digests of the files: their bytes are not read again.</summary>
    /// <exception cref="BadInputException">A file is not in the recipe.</exception>
    public string Content(Checkpoint checkpoint) =>
        new CheckpointManifest([.. checkpoint.SourceFiles.Select(name => new FileDigest(
            name, new FileInfo(Path.Combine(checkpoint.Folder, name)).Length,
            Files.GetValueOrDefault(name) ?? throw new BadInputException(
                Path.Combine(checkpoint.Folder, name),
                null,
                "is not in the checkpoint's recipe.json: it was added later")))]).ContentDigest;

    internal static ChildFiles Parse(byte[] content, string address)
    {
        try
        {
            JsonObject root = JsonNode.Parse(content)!.AsObject();
            JsonObject recipe = root["recipe"]!.AsObject();
            return new(
                [.. recipe["parents"]!.AsArray().Select(parent => (string)parent!)], (string)recipe["ancestor"]!,
                root["files"]!.AsObject().ToDictionary(file => file.Key, file => (string)file.Value!, StringComparer.Ordinal));
        }
        catch (Exception error)
            when (error is JsonException or NullReferenceException or InvalidOperationException or ArgumentException)
        {
            throw new BadInputException(address, null,
                "is not a recipe as it was written; remove the checkpoint's folder and it is made again");
        }
    }
}
