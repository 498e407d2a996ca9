using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// What stays of a child whose checkpoint was removed, or never written: its <c>recipe.json</c>, and what it must
/// be once it is made again.
/// </summary>
/// <param name="Recipe">How it is made.</param>
/// <param name="Content">Digest of its content.</param>
/// <param name="Device">The GPU that made it; null for the processor.</param>
/// <param name="File">Its <c>recipe.json</c>.</param>
internal sealed record RemovedChild(MergeRecipe Recipe, string Content, string? Device, JsonObject File)
{
    private const string ContentName = "content", DeviceName = "device";

    /// <summary>The child of that digest; null where it was never removed.</summary>
    /// <exception cref="BadInputException">The file is not as it was written.</exception>
    public static async Task<RemovedChild?> FindAsync(IStore store, string digest, CancellationToken cancellation)
    {
        if (await store.ReadAsync(StoreNames.RemovedRecipe(digest), cancellation: cancellation) is not { } content)
            return null;
        string address = store.AddressOf(StoreNames.RemovedRecipe(digest));
        try
        {
            JsonObject root = JsonNode.Parse(content)!.AsObject();
            MergeRecipe recipe = MergeRecipe.Parse(address, root["recipe"]!.AsObject());
            return recipe.Digest == digest ? new(recipe, (string)root[ContentName]!, (string?)root[DeviceName], root)
                : throw new BadInputException(address, "recipe", "is not the one that the checkpoint was named by");
        }
        catch (Exception error)
            when (error is JsonException or NullReferenceException or InvalidOperationException or ArgumentException)
        {
            throw new BadInputException(address, null, "is not a recipe as it was written");
        }
    }

    /// <summary>What is kept of a <c>recipe.json</c>.</summary>
    public static byte[] Write(byte[] recipe, string content, string? device)
    {
        JsonObject root = JsonNode.Parse(recipe)!.AsObject();
        root[ContentName] = content;
        if (device is not null)
            root[DeviceName] = device;
        return Encoding.UTF8.GetBytes(root.ToJsonString() + "\n");
    }
}
