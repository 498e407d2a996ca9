using System.Diagnostics;
using System.Globalization;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Pedigree.Storage.Blobs;

/// <summary>
/// A log as an append blob. Each append gives the position at which it must come, so that of two writers one loses and nothing is
/// lost; an append whose answer was lost is found there when it is tried again. Who writes a run for itself also holds a lease.
/// </summary>
internal sealed class BlobLog : ILogAppender
{
    private const string Holder = "holder";

    // The shortest that the service grants: so long a writer that died keeps others waiting.
    private static readonly TimeSpan Term = TimeSpan.FromSeconds(15),
        Renewal = TimeSpan.FromSeconds(5),
        Pause = TimeSpan.FromSeconds(1);

    private readonly AppendBlobClient _blob;
    private readonly string _address;
    private readonly BlobLeaseClient? _lease;
    private readonly Timer? _renewing;

    private BlobLog(AppendBlobClient blob, string address, BlobLeaseClient? lease)
    {
        (_blob, _address, _lease) = (blob, address, lease);
        if (lease is not null)
            _renewing = new(_ => _ = TryRenewAsync(), null, Renewal, Renewal);
    }

    public static async Task<BlobLog> OpenAsync(
        AppendBlobClient blob, string address, bool exclusive, Action<string>? waiting, CancellationToken cancellation)
    {
        await BlobErrors.ExplainAsync(address, () => blob.CreateIfNotExistsAsync(cancellationToken: cancellation));
        return new(blob, address, exclusive ? await LeaseAsync(blob, address, waiting, cancellation) : null);
    }

    public Task<bool> AppendAsync(ReadOnlyMemory<byte> line, long position) => BlobErrors.ExplainAsync(_address, async () =>
    {
        for (bool again = false; ; again = true)
        {
            try
            {
                await _blob.AppendBlockAsync(new MemoryStream(line.ToArray()), new AppendBlobAppendBlockOptions
                {
                    Conditions = new() { IfAppendPositionEqual = position, LeaseId = _lease?.LeaseId },
                });
                return true;
            }
            catch (RequestFailedException error) when (error.Status is 409 or 412)
            {
                if (error.ErrorCode == BlobErrorCode.AppendPositionConditionNotMet)
                    return await IsThereAsync(line, position);
                // A lease that ran out, while this process slept, is had again where nobody else took it.
                if (!again && _lease is not null && await TryRenewAsync())
                    continue;
                throw RunWriter.Refused(_address, RunOf(_blob));
            }
        }
    });

    public async ValueTask DisposeAsync()
    {
        if (_lease is null)
            return;
        await _renewing!.DisposeAsync();
        try
        {
            await _lease.ReleaseAsync();
        }
        catch (Exception error) when (error is RequestFailedException or AggregateException or IOException)
        {
            // It runs out by itself.
        }
    }

    private static async Task<BlobLeaseClient> LeaseAsync(
        AppendBlobClient blob, string address, Action<string>? waiting, CancellationToken cancellation)
    {
        BlobLeaseClient lease = blob.GetBlobLeaseClient(Guid.NewGuid().ToString());
        Stopwatch? waited = null;
        while (true)
        {
            if (await BlobErrors.ExplainAsync(address, () => TryAcquireAsync(blob, lease, cancellation)))
                return lease;
            BlobProperties properties = await BlobErrors.ExplainAsync(
                address, async () => (await blob.GetPropertiesAsync(cancellationToken: cancellation)).Value);
            if (waited?.Elapsed > Term + Renewal
                || IsAlive(properties.Metadata.TryGetValue(Holder, out string? holder) ? holder : ""))
                throw RunWriter.Refused(address, RunOf(blob));
            if (waited is null)
                waiting?.Invoke(string.Create(CultureInfo.InvariantCulture,
                    $"the run was being written by a process that may have died; "
                    + $"waiting up to {(Term + Renewal).TotalSeconds:0} s for its lease to run out"));
            waited ??= Stopwatch.StartNew();
            await Task.Delay(Pause, cancellation);
        }
    }

    private static async Task<bool> TryAcquireAsync(AppendBlobClient blob, BlobLeaseClient lease, CancellationToken cancellation)
    {
        try
        {
            await lease.AcquireAsync(Term, cancellationToken: cancellation);
        }
        catch (RequestFailedException error) when (error.ErrorCode == BlobErrorCode.LeaseAlreadyPresent)
        {
            return false;
        }
        await blob.SetMetadataAsync(
            new Dictionary<string, string> { [Holder] = Named(Environment.ProcessId)! },
            new() { LeaseId = lease.LeaseId },
            cancellation);
        return true;
    }

    private async Task<bool> IsThereAsync(ReadOnlyMemory<byte> line, long position)
    {
        try
        {
            BlobDownloadResult there =
                await _blob.DownloadContentAsync(new BlobDownloadOptions { Range = new(position, line.Length) });
            return there.Content.ToMemory().Span.SequenceEqual(line.Span);
        }
        catch (RequestFailedException error) when (error.Status == 416)
        {
            return false;
        }
    }

    private async Task<bool> TryRenewAsync()
    {
        try
        {
            await _lease!.RenewAsync();
            return true;
        }
        catch (Exception error) when (error is RequestFailedException or AggregateException or IOException)
        {
            // The next append tells.
            return false;
        }
    }

    // A process of another machine may live: its lease tells.
    private static bool IsAlive(string holder) =>
        holder.Split(' ') is [var machine, var id, _] && machine == Environment.MachineName
        && int.TryParse(id, CultureInfo.InvariantCulture, out int process) && Named(process) == holder;

    private static string? Named(int id)
    {
        try
        {
            using Process process = Process.GetProcessById(id);
            long started = new DateTimeOffset(process.StartTime).ToUnixTimeSeconds();
            return string.Create(CultureInfo.InvariantCulture, $"{Environment.MachineName} {id} {started}");
        }
        catch (Exception error)
            when (error is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static string RunOf(AppendBlobClient blob) => blob.Name.Split('/')[^2];
}
