using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Workflow.Activities;

/// <summary>What a child's <c>recipe.json</c> says.</summary>
/// <param name="Digest">The child's digest.</param>
/// <param name="RecipeDigest">Digest of the recipe itself, which is the same.</param>
/// <param name="Parents">Digests of its parents.</param>
/// <param name="Ancestor">Digest of the base.</param>
/// <param name="Files">SHA-256 of every other file in its folder, by name.</param>
internal sealed record ChildFiles(
    string Digest, string RecipeDigest, IReadOnlyList<string> Parents, string Ancestor, IReadOnlyDictionary<string, string> Files)
{
    public const string Name = "recipe.json";

    /// <summary>What the recipe in a folder says.</summary>
    /// <exception cref="BadInputException">The file is missing or not as it was written.</exception>
    public static ChildFiles Read(string folder)
    {
        string path = Path.Combine(folder, Name);
        try
        {
            return Parse(File.ReadAllBytes(path), path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new BadInputException(path, null, "is missing");
        }
    }

    /// <summary>What a child's recipe in a store says; null where there is no such child.</summary>
    /// <exception cref="BadInputException">The file is not as it was written.</exception>
    public static async Task<ChildFiles?> ReadAsync(IStore store, string digest, CancellationToken cancellation) =>
        await store.ReadAsync(StoreNames.Recipe(digest), cancellation: cancellation) is { } content
            ? Parse(content, store.AddressOf(StoreNames.Recipe(digest))) : null;

    private static ChildFiles Parse(byte[] content, string address)
    {
        try
        {
            JsonObject root = JsonNode.Parse(content)!.AsObject();
            JsonObject recipe = root["recipe"]!.AsObject();
            return new(
                (string)root["digest"]!,
                Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(recipe.ToJsonString()))),
                [.. recipe["parents"]!.AsArray().Select(parent => (string)parent!)], (string)recipe["ancestor"]!,
                root["files"]!.AsObject().ToDictionary(file => file.Key, file => (string)file.Value!, StringComparer.Ordinal));
        }
        catch (Exception error) when (error is JsonException or NullReferenceException or InvalidOperationException or ArgumentException)
        {
            throw new BadInputException(address, null, "is not a recipe as it was written; remove the checkpoint's folder and it is made again");
        }
    }

    /// <summary>The content digest, from the recorded digests of the files: their bytes are not read again.</summary>
    public string Content(Checkpoint checkpoint) => new CheckpointManifest([.. checkpoint.SourceFiles.Select(name => new FileDigest(
        name, new FileInfo(Path.Combine(checkpoint.Folder, name)).Length,
        Files.GetValueOrDefault(name) ?? throw new BadInputException(
            Path.Combine(checkpoint.Folder, name), null, "is not in the checkpoint's recipe.json: it was added later")))]).ContentDigest;
}
