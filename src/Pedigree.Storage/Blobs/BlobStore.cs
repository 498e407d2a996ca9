using System.Globalization;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Pedigree.Weights.Merging;

namespace Pedigree.Storage.Blobs;

/// <summary>A store in a container of Azure Blob Storage, with a cache of checkpoints on this machine.</summary>
internal sealed class BlobStore(BlobContainerClient container, CheckpointCache cache) : IStore
{
    private readonly BlobCheckpoints _checkpoints = new(container);
    private readonly Lazy<string> _temporary = new(() =>
    {
        cache.Sweep();
        return cache.Temporary;
    });

    private bool _made;

    public string Address { get; } = container.Uri.GetLeftPart(UriPartial.Path);

    public string AddressOf(string name) => $"{Address}/{StoreNames.Checked(name)}";

    public async Task<byte[]?> ReadAsync(string name, long from, CancellationToken cancellation) =>
        (await ReadAsync(name, from == 0 ? default : new HttpRange(from), cancellation))?.Bytes;

    public Task<(byte[] First, long Length)?> ReadFirstAsync(string name, int most, CancellationToken cancellation) =>
        ReadAsync(name, new HttpRange(0, most), cancellation);

    public Task<Stream?> OpenReadAsync(string name, CancellationToken cancellation) => CallAsync<Stream?>(name, async blob =>
    {
        try
        {
            return await blob.OpenReadAsync(new BlobOpenReadOptions(allowModifications: false), cancellation);
        }
        catch (RequestFailedException error) when (error.Status == 404)
        {
            return null;
        }
    });

    public Task<bool> ExistsAsync(string name, CancellationToken cancellation) =>
        CallAsync(name, async blob => (await blob.ExistsAsync(cancellation)).Value);

    public Task<IReadOnlyList<string>> ListAsync(string folder, string file, CancellationToken cancellation) =>
        BlobErrors.ExplainAsync(Address, async () =>
        {
            List<string> found = [];
            try
            {
                await foreach (BlobItem item in container.GetBlobsAsync(
                    BlobTraits.None, BlobStates.None, $"{StoreNames.Checked(folder)}/", cancellation))
                    if (item.Name[(folder.Length + 1)..].Split('/') is [var each, var held] && held == file)
                        found.Add(each);
            }
            catch (RequestFailedException error) when (BlobErrors.IsMissing(error))
            {
                // There is no container yet.
            }
            found.Sort(StringComparer.Ordinal);
            return (IReadOnlyList<string>)found;
        });

    public async Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        await MakeContainerAsync(cancellation);
        await CallAsync(name, blob => blob.UploadAsync(new BinaryData(content), overwrite: true, cancellation));
    }

    public async Task UpdateAsync(string name, Func<byte[]?, byte[]> change, CancellationToken cancellation)
    {
        await MakeContainerAsync(cancellation);
        while (!await CallAsync(name, blob => TryUpdateAsync(blob, change, cancellation)))
        {
        }
    }

    public Task RemoveAsync(string name, CancellationToken cancellation) =>
        CallAsync(name, async blob => (await blob.DeleteIfExistsAsync(cancellationToken: cancellation)).Value);

    public async Task<ILogAppender> OpenLogAsync(
        string name, bool exclusive, Action<string>? waiting, CancellationToken cancellation)
    {
        await MakeContainerAsync(cancellation);
        return await BlobLog.OpenAsync(
            container.GetAppendBlobClient(StoreNames.Checked(name)), AddressOf(name), exclusive, waiting, cancellation);
    }

    public WorkFolder CreateWorkFolder() => WorkFolder.Create(_temporary.Value);

    public Task<WorkFolder> OpenWorkFolderAsync(string name, CancellationToken cancellation) =>
        WorkFolder.OpenAsync(_temporary.Value, name, cancellation);

    public async Task<LocalCheckpoint?> OpenCheckpointAsync(
        string digest, bool anew, IProgress<double>? progress, CancellationToken cancellation)
    {
        if (await RecordedFiles.ReadAsync(this, digest, cancellation) is not { } files)
            return null;
        Task Fetch(string folder) => _checkpoints.FetchAsync(this, digest, files, folder, progress, cancellation);
        if (!anew)
            return await cache.OpenAsync(digest, () => _checkpoints.LengthAsync(this, digest, cancellation), Fetch, cancellation);
        WorkFolder work = CreateWorkFolder();
        try
        {
            await Fetch(Path.Combine(work.Path, digest));
            return new(Path.Combine(work.Path, digest), work);
        }
        catch
        {
            work.Dispose();
            throw;
        }
    }

    public async Task PublishCheckpointAsync(
        string digest, string folder, IProgress<double>? progress, CancellationToken cancellation)
    {
        await MakeContainerAsync(cancellation);
        RecordedFiles files = RecordedFiles.OfChild(
            await File.ReadAllBytesAsync(Path.Combine(folder, MergeRecipe.FileName), cancellation), folder);
        if (!await ChildFiles.AreThereAsync(this, digest, cancellation))
            await _checkpoints.SendAsync(this, digest, files, folder, StoreNames.Recipe(digest), progress, cancellation);
        await cache.AddAsync(digest, folder, cancellation);
    }

    public Task RemoveCheckpointAsync(string digest, CancellationToken cancellation) =>
        _checkpoints.RemoveAsync(this, digest, cancellation);

    public async Task AdmitCheckpointAsync(AdmittedSource source, IProgress<double>? progress, CancellationToken cancellation)
    {
        await MakeContainerAsync(cancellation);
        await _checkpoints.SendAsync(
            this,
            source.Digest,
            RecordedFiles.OfAdmitted(source),
            source.Path,
            StoreNames.Source(source.Digest),
            progress,
            cancellation);
    }

    private static async Task<bool> TryUpdateAsync(BlobClient blob, Func<byte[]?, byte[]> change, CancellationToken cancellation)
    {
        byte[]? known = null;
        BlobRequestConditions conditions = new() { IfNoneMatch = ETag.All };
        try
        {
            BlobDownloadResult read = await blob.DownloadContentAsync(cancellation);
            (known, conditions) = (read.Content.ToArray(), new() { IfMatch = read.Details.ETag });
        }
        catch (RequestFailedException error) when (BlobErrors.IsMissing(error))
        {
        }
        try
        {
            await blob.UploadAsync(
                new BinaryData(change(known)), new BlobUploadOptions { Conditions = conditions }, cancellation);
            return true;
        }
        catch (RequestFailedException error) when (error.Status is 409 or 412)
        {
            return false;
        }
    }

    /// <summary>The bytes of a range, and how long all of it is where the range has any.</summary>
    private Task<(byte[] Bytes, long Length)?> ReadAsync(string name, HttpRange range, CancellationToken cancellation) =>
        CallAsync(name, async blob =>
        {
            try
            {
                BlobDownloadResult read = await blob.DownloadContentAsync(
                    new BlobDownloadOptions { Range = range }, cancellation);
                byte[] bytes = read.Content.ToArray();
                // bytes 0-99/1234
                return (bytes, read.Details.ContentRange is { } part
                    ? long.Parse(part[(part.IndexOf('/') + 1)..], CultureInfo.InvariantCulture)
                    : bytes.Length);
            }
            catch (RequestFailedException error) when (error.Status == 416)
            {
                return ([], 0);
            }
            catch (RequestFailedException error) when (BlobErrors.IsMissing(error))
            {
                return ((byte[] Bytes, long Length)?)null;
            }
        });

    private Task<TResult> CallAsync<TResult>(string name, Func<BlobClient, Task<TResult>> call) =>
        BlobErrors.ExplainAsync(Address, () => call(container.GetBlobClient(StoreNames.Checked(name))));

    private async Task MakeContainerAsync(CancellationToken cancellation)
    {
        if (_made)
            return;
        await BlobErrors.ExplainAsync(Address, async () =>
        {
            try
            {
                await container.CreateIfNotExistsAsync(cancellationToken: cancellation);
            }
            catch (RequestFailedException error) when (error.Status == 403)
            {
                // Who may write blobs may not make containers: it is enough that this one is there.
                if (!await container.ExistsAsync(cancellation))
                    throw;
            }
        });
        _made = true;
    }
}
