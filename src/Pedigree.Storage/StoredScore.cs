using System.Text.Json;
using Pedigree.Evolution;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>Reads and writes scores.</summary>
public static class StoredScore
{
    /// <summary>What is known of a key; null where there is nothing.</summary>
    /// <exception cref="BadInputException">It is not as it was written.</exception>
    public static async Task<TScore?> ReadAsync<TScore>(IStore store, string key, CancellationToken cancellation = default)
        where TScore : class
    {
        string name = StoreNames.Score(key);
        if (await store.ReadAsync(name, cancellation: cancellation) is not { } content)
            return null;
        try
        {
            return JsonSerializer.Deserialize<TScore>(SealedJson.Open(store, name, content).Span, EventJson.Options)
                ?? throw new JsonException();
        }
        catch (JsonException error)
        {
            throw new BadInputException(store.AddressOf(name), error.Path,
                "is not a score as it was written; remove the file and it is computed again");
        }
    }

    /// <summary>Keeps a score.</summary>
    public static Task WriteAsync<TScore>(IStore store, string key, TScore score, CancellationToken cancellation = default) =>
        store.WriteAsync(
            StoreNames.Score(key),
            SealedJson.Seal(StoreNames.Score(key), JsonSerializer.SerializeToUtf8Bytes(score, EventJson.Options)),
            cancellation);
}
