using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;

namespace Pedigree.Api.Responses;

/// <summary>Where a run is asked about and given orders: the links that Durable Functions gives, and the run's own.</summary>
/// <param name="Id">Id of the run.</param>
/// <param name="StatusQueryGetUri">How it stands.</param>
/// <param name="SuspendPostUri">Stops work at once, to go on another day.</param>
/// <param name="ResumePostUri">Goes on.</param>
/// <param name="TerminatePostUri">Ends it for good.</param>
/// <param name="PurgeHistoryDeleteUri">Forgets what the host keeps of a run that is over; its log stays.</param>
/// <param name="EventsGetUri">Its log, or its events as they happen.</param>
/// <param name="ReportGetUri">A page for people.</param>
internal sealed record ManagementLinks(
    string Id,
    string StatusQueryGetUri,
    string SuspendPostUri,
    string ResumePostUri,
    string TerminatePostUri,
    string PurgeHistoryDeleteUri,
    string EventsGetUri,
    string ReportGetUri)
{
    /// <summary>Where all runs are.</summary>
    public static string OfRuns(HttpRequest request) =>
        UriHelper.BuildAbsolute(request.Scheme, request.Host, request.PathBase, "/api/runs");

    public static ManagementLinks Of(HttpRequest request, string run)
    {
        string uri = $"{OfRuns(request)}/{run}";
        return new(
            run,
            uri,
            $"{uri}/suspend?reason={{text}}",
            $"{uri}/resume?reason={{text}}",
            $"{uri}/terminate?reason={{text}}",
            $"{uri}/history",
            $"{uri}/events",
            $"{uri}/report");
    }
}
