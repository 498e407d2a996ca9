using Azure.Core;
using Azure.Storage.Blobs;
using Pedigree.Storage.Blobs;
using Pedigree.Storage.Folders;

namespace Pedigree.Storage;

/// <summary>Finds the store that a person means.</summary>
public static class Store
{
    /// <summary>Opens a store; nothing is read or made yet.</summary>
    /// <param name="address">
    /// A folder; or Azure Blob Storage: a connection string (<c>;Container=name</c> may be added),
    /// <c>UseDevelopmentStorage=true</c>, or <c>https://account.blob.core.windows.net/container</c>, for which the identity that
    /// this machine is signed in with is used. The container is <c>pedigree</c> unless one is named. Checkpoints from there are
    /// kept in the folder PEDIGREE_CACHE, up to PEDIGREE_CACHE_SIZE.
    /// </param>
    /// <exception cref="Weights.BadInputException">It is none of these.</exception>
    public static IStore Open(string address) => !string.IsNullOrWhiteSpace(address) ? Open(address, Options(), null)
        : throw new Weights.BadInputException("--store", null,
            "is empty; name a folder, or Azure Blob Storage by connection string or account URL");

    /// <summary>Finds out whether things can be written to a store and removed from it, by doing so.</summary>
    /// <exception cref="Weights.UnavailableException">They cannot: it says why.</exception>
    public static async Task TryAsync(IStore store, CancellationToken cancellation = default)
    {
        string name = $"tmp/{Guid.NewGuid():N}";
        await store.WriteAsync(name, default, cancellation);
        await store.RemoveAsync(name, cancellation);
    }

    internal static IStore Open(string address, BlobClientOptions options, CheckpointCache? cache) =>
        BlobAddress.Parse(address, options) is { } container
            ? new BlobStore(container, cache ?? CheckpointCache.OfEnvironment()) : new FolderStore(address);

    internal static BlobClientOptions Options() => new()
    {
        Retry =
        {
            Mode = RetryMode.Exponential,
            MaxRetries = 4,
            Delay = TimeSpan.FromSeconds(0.5),
            NetworkTimeout = TimeSpan.FromMinutes(1),
        },
    };
}
