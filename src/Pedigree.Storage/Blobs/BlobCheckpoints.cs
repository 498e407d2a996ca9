using System.Security.Cryptography;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Pedigree.Weights;
using Pedigree.Weights.Merging;

namespace Pedigree.Storage.Blobs;

/// <summary>
/// Moves checkpoints between folders and blobs, in ranges side by side; the digest of every file is verified when it arrives.
/// </summary>
internal sealed class BlobCheckpoints(BlobContainerClient container)
{
    private const string Sha256 = "sha256";

    private static readonly StorageTransferOptions Ranges =
        new() { MaximumConcurrency = 8, MaximumTransferSize = 16 << 20, InitialTransferSize = 16 << 20 };

    /// <summary>
    /// Uploads a checkpoint; what an earlier try has uploaded stays. The marker comes last: only then is there a checkpoint.
    /// </summary>
    public Task SendAsync(
        IStore store,
        string digest,
        RecordedFiles files,
        string folder,
        string marker,
        IProgress<double>? progress,
        CancellationToken cancellation) =>
        BlobErrors.ExplainAsync(store.AddressOf(StoreNames.Checkpoint(digest)), async () =>
        {
            Dictionary<string, string> there = await ThereAsync(digest, cancellation);
            Portions portions = new(progress, files.Sha256.Keys.Sum(name => new FileInfo(Path.Combine(folder, name)).Length));
            foreach ((string name, string sha256) in files.Sha256)
            {
                string blob = StoreNames.CheckpointFile(digest, name), path = Path.Combine(folder, name);
                if (there.GetValueOrDefault(blob) != sha256)
                    await container.GetBlobClient(blob).UploadAsync(path, new BlobUploadOptions
                    {
                        TransferOptions = Ranges,
                        Metadata = new Dictionary<string, string> { [Sha256] = sha256 },
                        ProgressHandler = portions,
                    }, cancellation);
                portions.Next(new FileInfo(path).Length);
            }
            await store.WriteAsync(marker, files.Marker, cancellation);
        });

    /// <summary>Downloads a checkpoint to a folder that does not exist.</summary>
    /// <exception cref="BadInputException">A file is missing or not the one recorded.</exception>
    public Task FetchAsync(
        IStore store,
        string digest,
        RecordedFiles files,
        string folder,
        IProgress<double>? progress,
        CancellationToken cancellation) =>
        BlobErrors.ExplainAsync(store.AddressOf(StoreNames.Checkpoint(digest)), async () =>
        {
            Directory.CreateDirectory(folder);
            Portions portions = new(progress, progress is null ? 0 : await LengthAsync(store, digest, cancellation));
            foreach ((string name, string sha256) in files.Sha256)
            {
                string blob = StoreNames.CheckpointFile(digest, name), path = Path.Combine(folder, name);
                await DownloadAsync(container.GetBlobClient(blob), path, store.AddressOf(blob), portions, cancellation);
                string now;
                await using (FileStream file = new(path, FileMode.Open, FileAccess.ReadWrite))
                {
                    now = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, cancellation));
                    file.Flush(flushToDisk: true);
                }
                if (now != sha256)
                    throw new BadInputException(store.AddressOf(blob), null,
                        $"was changed: its SHA-256 is {now}; {sha256} was recorded");
                portions.Next(new FileInfo(path).Length);
            }
            progress?.Report(1);
            if (files.MarkerIsPart)
                await File.WriteAllBytesAsync(Path.Combine(folder, MergeRecipe.FileName), files.Marker, cancellation);
        });

    /// <summary>Bytes of all files of a checkpoint.</summary>
    public Task<long> LengthAsync(IStore store, string digest, CancellationToken cancellation) =>
        BlobErrors.ExplainAsync(store.AddressOf(StoreNames.Checkpoint(digest)), async () =>
            await container.GetBlobsAsync(BlobTraits.None, BlobStates.None, $"{StoreNames.Checkpoint(digest)}/", cancellation)
                .Select(blob => blob.Properties.ContentLength ?? 0).SumAsync(cancellation));

    /// <summary>
    /// Removes a child's checkpoint, or what is left of it; its recipe first, without which there is no checkpoint.
    /// </summary>
    public Task RemoveAsync(IStore store, string digest, CancellationToken cancellation) =>
        BlobErrors.ExplainAsync(store.AddressOf(StoreNames.Checkpoint(digest)), async () =>
        {
            await container.GetBlobClient(StoreNames.Recipe(digest)).DeleteIfExistsAsync(cancellationToken: cancellation);
            await foreach (BlobItem item in container.GetBlobsAsync(
                BlobTraits.None, BlobStates.None, $"{StoreNames.Checkpoint(digest)}/", cancellation))
                await container.GetBlobClient(item.Name).DeleteIfExistsAsync(cancellationToken: cancellation);
        });

    private static async Task DownloadAsync(
        BlobClient blob, string path, string address, IProgress<long> progress, CancellationToken cancellation)
    {
        // Two that make the same child write the same bytes: who reads in between begins the file again.
        const int Tries = 3;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await blob.DownloadToAsync(
                    path, new BlobDownloadToOptions { TransferOptions = Ranges, ProgressHandler = progress }, cancellation);
                return;
            }
            catch (RequestFailedException error) when (error.Status == 412 && attempt < Tries)
            {
            }
            catch (RequestFailedException error) when (BlobErrors.IsMissing(error))
            {
                throw new BadInputException(address, null, "is missing, but the checkpoint's record has it");
            }
        }
    }

    private async Task<Dictionary<string, string>> ThereAsync(string digest, CancellationToken cancellation)
    {
        Dictionary<string, string> there = new(StringComparer.Ordinal);
        await foreach (BlobItem item in container.GetBlobsAsync(
            BlobTraits.Metadata, BlobStates.None, $"{StoreNames.Checkpoint(digest)}/", cancellation))
            if (item.Metadata is { } metadata && metadata.TryGetValue(Sha256, out string? sha256))
                there[item.Name] = sha256;
        return there;
    }

    /// <summary>The fraction of all files from the bytes of one after the other.</summary>
    private sealed class Portions(IProgress<double>? progress, long all) : IProgress<long>
    {
        private long _before;

        public void Report(long value) => progress?.Report((double)(_before + value) / Math.Max(1, all));

        public void Next(long length) => _before += length;
    }
}
