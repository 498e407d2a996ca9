using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Hosting;
using Pedigree.Api.Hosts;
using Pedigree.Api.Responses;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow;
using Pedigree.Workflow.Report;

namespace Pedigree.Api;

/// <summary>What reads runs: everything but how a live one stands comes from the store.</summary>
internal static class RunQueries
{
    private const int MostLines = 1000, AtOnce = 10;

    /// <summary>A page of runs, in the order of their ids; of the others nothing is read.</summary>
    /// <param name="limit">How many at most, 1 to 1000.</param>
    /// <param name="after">
    /// The last id of the page before; the header <c>Link</c> of that page has the next one's address.
    /// </param>
    public static async Task<Ok<RunLine[]>> ListAsync(
        HttpRequest request, IStore store, IRunHost host, CancellationToken cancellation, int limit = 100, string? after = null)
    {
        if (limit is < 1 or > MostLines)
            throw RefusedException.Wrong("limit", $"must be a number of runs from 1 to {MostLines}");
        string[] ids = [.. (await host.ListAsync(cancellation)).Union(await StoredRun.ListAsync(store, cancellation))
            .Where(id => string.CompareOrdinal(id, after) > 0).Order(StringComparer.Ordinal)];
        if (ids.Length > limit)
            request.HttpContext.Response.Headers.Link =
                $"<{ManagementLinks.OfRuns(request)}?limit={limit}&after={ids[limit - 1]}>; rel=\"next\"";
        List<RunLine> lines = [];
        foreach (string[] some in ids.Take(limit).Chunk(AtOnce))
            lines.AddRange(await Task.WhenAll(some.Select(id => LineAsync(id, request, store, host, cancellation))));
        return TypedResults.Ok(lines.ToArray());
    }

    public static async Task<Ok<RunDocument>> GetAsync(
        string id, HttpRequest request, IStore store, IRunHost host, CancellationToken cancellation)
    {
        StoredRun run = Named(store, id);
        // In this order: a run that ends between the two is seen as ended.
        HostedRun? hosted = await host.FindAsync(id, cancellation);
        IReadOnlyList<LoggedEvent> log = await EventLog.ReadAsync(run, cancellation: cancellation);
        if (hosted is null && log.Count == 0)
            throw Unknown(id);
        return TypedResults.Ok(RunDocument.Of(run, hosted, log, ManagementLinks.Of(request, id)));
    }

    public static async Task<IResult> EventsAsync(
        string id, HttpRequest request, IStore store, IRunHost host, RunsApiOptions options, IHostApplicationLifetime lifetime,
        CancellationToken cancellation)
    {
        StoredRun run = Named(store, id);
        HostedRun? hosted = await host.FindAsync(id, cancellation);
        if (hosted is null && !await run.ExistsAsync(cancellation))
            throw Unknown(id);
        LogLines log = new(run);
        IReadOnlyList<LogLine> lines = await log.ReadOnAsync(cancellation);
        if (!request.GetTypedHeaders().Accept.Any(type =>
            type.MediaType.Equals(EventStream.MediaType, StringComparison.OrdinalIgnoreCase)))
            return TypedResults.Text(string.Concat(lines.Select(line => line.Text + "\n")), "application/x-ndjson");
        int after = LastEventId(request, lines.Count);
        // No content tells an EventSource that there is nothing to come back for.
        return (log.IsOver || EventStream.EndedUnbegun(log, hosted)) && after == lines.Count ? TypedResults.NoContent()
            : new EventStream(run, host, after, options.Heartbeat, lifetime.ApplicationStopping);
    }

    public static async Task<Ok<Lineage>> LineageAsync(string id, IStore store, IRunHost host, CancellationToken cancellation) =>
        TypedResults.Ok(Lineage.Of((await BegunAsync(store, host, id, cancellation)).Events));

    public static async Task<Ok<KinshipMatrix>> KinshipAsync(
        string id, IStore store, IRunHost host, CancellationToken cancellation) =>
        TypedResults.Ok(KinshipMatrix.Of((await BegunAsync(store, host, id, cancellation)).State));

    public static async Task<ContentHttpResult> ReportAsync(
        string id, HttpResponse response, IStore store, IRunHost host, CancellationToken cancellation)
    {
        RunRecord run = await BegunAsync(store, host, id, cancellation);
        response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
        return TypedResults.Text(RunReport.Html(id, run.Events), "text/html");
    }

    /// <summary>A run that has a log.</summary>
    public static async Task<RunRecord> BegunAsync(IStore store, IRunHost host, string id, CancellationToken cancellation)
    {
        if (await Named(store, id).ExistsAsync(cancellation))
            return await Runs.LoadAsync(store, id, cancellation);
        throw await host.FindAsync(id, cancellation) is null ? Unknown(id)
            : RefusedException.Conflict("id", $"`{id}` was accepted, but has not begun yet");
    }

    /// <summary>A run of that name, whether or not there is one.</summary>
    public static StoredRun Named(IStore store, string id, string field = "id")
    {
        try
        {
            return new(store, id);
        }
        catch (BadInputException error)
        {
            throw RefusedException.Wrong(field, error.Reason);
        }
    }

    public static RefusedException Unknown(string id) =>
        RefusedException.NotFound("id", $"there is no run `{id}`; GET /api/runs lists those there are");

    /// <summary>One damaged log or order does not hide the other runs.</summary>
    private static async Task<RunLine> LineAsync(
        string id, HttpRequest request, IStore store, IRunHost host, CancellationToken cancellation)
    {
        HostedRun? hosted = null;
        LogEnds log = new(null, []);
        try
        {
            hosted = await host.FindAsync(id, cancellation);
            log = await LogEnds.ReadAsync(Named(store, id), cancellation);
        }
        catch (BadInputException damaged)
        {
            hosted = new(RunStatus.Failed, new(damaged.Field, damaged.Message));
        }
        return new(
            id, RunDocument.StatusOf(hosted, log.Completed), log.Spec?.Strategy.Name, log.Generation?.Generation, log.Best,
            log.Completed?.Reason, RunDocument.ErrorOf(hosted, log.Completed), ManagementLinks.Of(request, id).StatusQueryGetUri);
    }

    private static int LastEventId(HttpRequest request, int lines)
    {
        const string Header = "Last-Event-ID";
        string? given = request.Headers[Header];
        if (string.IsNullOrEmpty(given))
            return 0;
        return int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= lines ? number
            : throw RefusedException.Wrong(Header, $"is `{given}`; it must be the id of an event of this run, 1 to {lines}");
    }
}
