using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Pedigree.Api.Hosts;
using Pedigree.Storage;

namespace Pedigree.Api.Responses;

/// <summary>
/// A run's events as they happen (<c>text/event-stream</c>): each line of the log with its number, from 1, as id. It ends after
/// the run's last event; a comment now and then keeps the connection alive.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="host">Knows whether a run without events will ever have one.</param>
/// <param name="after">Number of the last event that the client has.</param>
/// <param name="heartbeat">Longest silence.</param>
/// <param name="ending">Cancelled when the server ends.</param>
internal sealed class EventStream(StoredRun run, IRunHost host, int after, TimeSpan heartbeat, CancellationToken ending) : IResult
{
    public const string MediaType = "text/event-stream";

    private static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(250);

    // Each look at a blob is a request that is paid for.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    /// <summary>Whether a run was terminated before its first event, so that none will come.</summary>
    /// <param name="log">Its log, read after the host was asked.</param>
    /// <param name="hosted">What the host says of it.</param>
    public static bool EndedUnbegun(LogLines log, HostedRun? hosted) => log.Count == 0 && hosted?.Status == RunStatus.Terminated;

    public async Task ExecuteAsync(HttpContext context)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(ending, context.RequestAborted);
        HttpResponse response = context.Response;
        response.ContentType = MediaType;
        response.Headers.CacheControl = "no-store";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await response.Body.FlushAsync(either.Token);
            if (!HttpMethods.IsHead(context.Request.Method))
                await WriteAsync(response.Body, either.Token);
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            // The client comes back with the number of the last event it has.
        }
    }

    private async Task WriteAsync(Stream body, CancellationToken cancellation)
    {
        LogLines log = new(run);
        TimeSpan wait = ShortestWait;
        for (DateTime said = DateTime.UtcNow; ; await Task.Delay(wait, cancellation))
        {
            HostedRun? hosted = log.Count == 0 ? await host.FindAsync(run.Id, cancellation) : null;
            IReadOnlyList<LogLine> lines = await log.ReadOnAsync(cancellation);
            wait = lines.Count > 0 ? ShortestWait : wait < LongestWait ? 2 * wait : LongestWait;
            foreach (LogLine line in lines)
            {
                if (line.Number <= after)
                    continue;
                await SayAsync(body, $"id: {line.Number}\ndata: {line.Text}\n\n", cancellation);
                said = DateTime.UtcNow;
            }
            if (log.IsOver || EndedUnbegun(log, hosted))
                return;
            if (DateTime.UtcNow - said < heartbeat)
                continue;
            await SayAsync(body, ": still here\n\n", cancellation);
            said = DateTime.UtcNow;
        }
    }

    private static async Task SayAsync(Stream body, string text, CancellationToken cancellation)
    {
        await body.WriteAsync(Encoding.UTF8.GetBytes(text), cancellation);
        await body.FlushAsync(cancellation);
    }
}
