using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.References;

/// <summary>
/// One file of a repository, fetched into the cache: from where an earlier attempt ended, and only kept if its hash is right.
/// </summary>
internal sealed partial class HubFile(HubConnection hub, HubCache cache, Uri address, string what)
{
    private const int BufferLength = 1 << 20;

    /// <summary>Fetches the file unless the cache has it; returns its ETag.</summary>
    /// <param name="received">Told of the number of bytes as they come.</param>
    /// <param name="cancellation">Ends it; what came so far is kept.</param>
    public async Task<string> FetchAsync(Action<long> received, CancellationToken cancellation)
    {
        var (etag, length) = await hub.DoAsync(what, HeadAsync, cancellation);
        if (File.Exists(cache.Blob(etag)))
            return etag;
        foreach (var path in new[] { cache.Blob(etag), cache.Lock(etag) })
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // Other clients of the hub take the same lock.
        using var alone = await LockFile.TakeAsync(cache.Lock(etag), cancellation: cancellation);
        if (File.Exists(cache.Blob(etag)))
            return etag;
        var half = cache.Blob(etag) + ".incomplete";
        await hub.DoAsync(what, async token => await ContinueAsync(half, length, received, token), cancellation);
        await VerifyAsync(half, etag, length, cancellation);
        File.Move(half, cache.Blob(etag));
        DurableFiles.FlushFolder(Path.GetDirectoryName(half)!);
        return etag;
    }

    private async Task<(string ETag, long? Length)> HeadAsync(CancellationToken cancellation)
    {
        string? etag = null;
        long? length = null;
        using var response = await hub.SendAsync(HttpMethod.Head, address, what, hop =>
        {
            etag ??= Header(hop, "X-Linked-ETag") ?? ((int)hop.StatusCode < 300 ? hop.Headers.ETag?.Tag : null);
            length ??= long.TryParse(Header(hop, "X-Linked-Size"), out var linked) ? linked
                : (int)hop.StatusCode < 300 ? hop.Content.Headers.ContentLength : null;
        }, null, cancellation);
        var tag = etag?.Replace("W/", "", StringComparison.Ordinal).Trim('"');
        return tag is not null && Hash().IsMatch(tag) ? (tag, length) : throw new BadInputException(what, null,
            $"comes from {address.GetLeftPart(UriPartial.Authority)} without the ETag of a hub, "
            + "so it cannot be verified; is HF_ENDPOINT right?");
    }

    private async Task<bool> ContinueAsync(string half, long? length, Action<long> received, CancellationToken cancellation)
    {
        await using FileStream file = new(half, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        var start = file.Length;
        if (start == length && length > 0)
            return true;
        using var response = await hub.SendAsync(
            HttpMethod.Get, address, what, null, start > 0 ? new RangeHeaderValue(start, null) : null, cancellation);
        if (response.StatusCode != HttpStatusCode.PartialContent)
            start = 0;
        file.SetLength(start);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            throw new HttpRequestException("the hub does not continue the file");
        file.Position = start;
        await using var body = await response.Content.ReadAsStreamAsync(cancellation);
        var buffer = new byte[BufferLength];
        while (await body.ReadAsync(buffer, cancellation) is var read and > 0)
        {
            if (file.Position + read > length)
            {
                file.SetLength(0);
                throw new BadInputException(what, null,
                    $"is longer than the {length} bytes that the hub says; it was thrown away, the same command fetches it anew");
            }
            await WriteAsync(file, buffer.AsMemory(0, read), length ?? file.Length, cancellation);
            received(read);
        }
        if (length is not null && file.Length < length)
            throw new HttpRequestException($"the connection ended after {file.Length} of {length} bytes");
        file.Flush(flushToDisk: true);
        return true;
    }

    private static async Task WriteAsync(FileStream file, ReadOnlyMemory<byte> bytes, long needed, CancellationToken cancellation)
    {
        try
        {
            await file.WriteAsync(bytes, cancellation);
        }
        catch (IOException error)
        {
            throw DurableFiles.NoRoom(file.Name, needed, error);
        }
    }

    // An ETag of 64 digits is the SHA-256 of the content, one of 40 digits the SHA-1 that git gives a blob.
    private async Task VerifyAsync(string half, string etag, long? length, CancellationToken cancellation)
    {
        var size = new FileInfo(half).Length;
        using var hash = IncrementalHash.CreateHash(etag.Length == 64 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        if (etag.Length == 40)
            hash.AppendData(Encoding.ASCII.GetBytes($"blob {size}\0"));
        await using (FileStream file = new(half, FileMode.Open, FileAccess.Read))
        {
            var buffer = new byte[BufferLength];
            while (await file.ReadAsync(buffer, cancellation) is var read and > 0)
                hash.AppendData(buffer, 0, read);
        }
        var actual = Convert.ToHexStringLower(hash.GetHashAndReset());
        if (actual == etag && (length ?? size) == size)
            return;
        File.Delete(half);
        throw new BadInputException(what, null,
            $"came with other content than the hub says: its hash is {actual}, not {etag}; "
            + "it was thrown away, the same command fetches it anew");
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.First() : null;

    [GeneratedRegex(@"^([0-9a-f]{40}|[0-9a-f]{64})\z")]
    private static partial Regex Hash();
}
