using System.Text.Json;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.References;

/// <summary>How far a download has come.</summary>
/// <param name="Model">The model.</param>
/// <param name="Bytes">Bytes received.</param>
public readonly record struct DownloadProgress(string Model, long Bytes);

/// <summary>Fetches one revision of a model into the cache, several files at a time.</summary>
internal sealed class HubDownload(HubSettings settings, ModelReference reference)
{
    private const int Parallel = 8;

    private readonly HubCache _cache = new(settings.Cache, reference.Model);
    private readonly string _revision = reference.Revision ?? "main";
    private readonly string _what = (reference with { Adapter = null }).ToString();
    private long _received;

    /// <summary>The folder of the snapshot, all files in place.</summary>
    /// <exception cref="BadInputException">There is no such model, it may not be read, or it holds no safetensors.</exception>
    public async Task<string> FolderAsync(IProgress<DownloadProgress>? progress, CancellationToken cancellation)
    {
        var cached = _cache.Find(_revision);
        // Other clients fetch file by file, and no tokenizer for a program that needs none.
        if (cached is not null && (settings.Offline || _cache.HasTokenizerOrNone(_cache.Commit(_revision)!)))
            return cached;
        if (settings.Offline)
            throw new BadInputException(_what, null,
                $"is not in the Hugging Face cache ({settings.Cache}), and HF_HUB_OFFLINE forbids to fetch it");
        try
        {
            using HubConnection hub = new(settings, isNeeded: cached is null);
            return await FetchAsync(hub, _cache.Commit(_revision) ?? _revision, progress, cancellation);
        }
        catch (Exception error)
            when (cached is not null && error is (BadInputException or IOException or UnauthorizedAccessException))
        {
            return cached;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UnavailableException(_what, null,
                $"cannot be written to the Hugging Face cache ({settings.Cache}): {error.Message}; "
                + "make it writable, or name another folder in HF_HUB_CACHE", error);
        }
    }

    private async Task<string> FetchAsync(
        HubConnection hub, string revision, IProgress<DownloadProgress>? progress, CancellationToken cancellation)
    {
        var (commit, files) = await hub.DoAsync(_what, token => ListAsync(hub, revision, token), cancellation);
        var chosen = HubFiles.Choose(_what, files);
        foreach (var file in HubFiles.Small.Except(files))
            _cache.Lack(commit, file);
        // The weights last: a snapshot that has them is whole, by whatever this is ended.
        await FetchAsync(hub, commit, [.. chosen.SkipLast(1)], progress, cancellation);
        await FetchAsync(hub, commit, [.. chosen.TakeLast(1)], progress, cancellation);
        if (chosen.Contains(CheckpointFiles.Index))
            await FetchAsync(hub, commit,
                ShardIndex.Read(Path.Combine(_cache.Snapshot(commit), CheckpointFiles.Index)).Shards, progress, cancellation);
        _cache.Point(_revision, commit);
        return _cache.Snapshot(commit);
    }

    private async Task<(string Commit, IReadOnlyList<string> Files)> ListAsync(
        HubConnection hub, string revision, CancellationToken cancellation)
    {
        Uri address = new(settings.Endpoint, $"api/models/{reference.Model}/revision/{Uri.EscapeDataString(revision)}");
        using var response = await hub.SendAsync(HttpMethod.Get, address, _what, null, null, cancellation);
        try
        {
            using var json = await JsonDocument.ParseAsync(
                await response.Content.ReadAsStreamAsync(cancellation), default, cancellation);
            var commit = json.RootElement.GetProperty("sha").GetString()!;
            string[] files = [.. json.RootElement.GetProperty("siblings")
                .EnumerateArray()
                .Select(file => file.GetProperty("rfilename").GetString()!)];
            if (HubCache.IsCommit(commit))
                return (commit, files);
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
        }
        throw new BadInputException(_what, null, $"{settings.Endpoint} does not answer as a hub does; is HF_ENDPOINT right?");
    }

    private Task FetchAsync(
        HubConnection hub,
        string commit,
        IReadOnlyList<string> files,
        IProgress<DownloadProgress>? progress,
        CancellationToken cancellation) =>
        System.Threading.Tasks.Parallel.ForEachAsync(
            files, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellation },
            async (file, token) =>
            {
                Uri address = new(settings.Endpoint, $"{reference.Model}/resolve/{commit}/{Uri.EscapeDataString(file)}");
                var etag = await new HubFile(hub, _cache, address, $"{_what}: {file}").FetchAsync(
                    bytes => progress?.Report(new(_what, Interlocked.Add(ref _received, bytes))), token);
                _cache.Link(commit, file, etag);
            });
}
