using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Pedigree.Api.Hosts;
using Pedigree.Api.Requests;
using Pedigree.Api.Responses;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow;
using Pedigree.Workflow.Activities;

namespace Pedigree.Api;

/// <summary>What changes a run, and the audit.</summary>
internal static class RunOrders
{
    private const int LongestReason = 200;

    /// <param name="request">Its body is the spec.</param>
    /// <param name="run">Id of the run; a new one where there is none. The same id and spec again is the same run.</param>
    public static async Task<Accepted<ManagementLinks>> StartAsync(
        HttpRequest request,
        IStore store,
        IRunHost host,
        AllowedPaths paths,
        RunsApiOptions options,
        string? run,
        CancellationToken cancellation)
    {
        StoredRun stored = RunQueries.Named(store, run ?? $"{Guid.CreateVersion7():N}", "run");
        string text = await SpecBody.ReadAsync(request, cancellation);
        string name = Path.Combine(paths.Home, SpecBody.Name);
        try
        {
            SpecFile spec = SpecFile.Parse(name, paths.Home, text, options.Evaluators);
            spec = (spec with { Spec = await paths.ResolveAsync(spec.Spec, cancellation) }).WithTasks(paths.Refusal);
            IReadOnlyList<LoggedEvent> log = await EventLog.ReadAsync(stored, cancellation: cancellation);
            await RefuseOtherModelsAsync(stored, log, spec, cancellation);
            await host.StartAsync(stored.Id, spec, cancellation);
        }
        catch (BadInputException error) when (error is not UnavailableException
            && (error.File == name || !error.File.StartsWith(store.Address, StringComparison.Ordinal)))
        {
            (string? field, string place) = Placed(error.Field);
            throw RefusedException.Wrong(field, $"{(error.File == name ? "" : $"{error.File}: ")}{place}{error.Reason}");
        }
        return Accept(request, stored.Id);
    }

    public static async Task<Accepted<ManagementLinks>> SuspendAsync(
        string id, HttpRequest request, IStore store, IRunHost host, string? reason, CancellationToken cancellation)
    {
        await host.SuspendAsync(await ExistingAsync(store, host, id, cancellation), Checked(reason), cancellation);
        return Accept(request, id);
    }

    public static async Task<Accepted<ManagementLinks>> ResumeAsync(
        string id, HttpRequest request, IStore store, IRunHost host, string? reason, CancellationToken cancellation)
    {
        StoredRun run = new(store, await ExistingAsync(store, host, id, cancellation));
        IReadOnlyList<LoggedEvent> log = await EventLog.ReadAsync(run, cancellation: cancellation);
        // Of a run that is over the host says so.
        if (log is [{ Event: RunStarted begun }, .., { Event: not RunCompleted }]
            && await run.OriginAsync(cancellation) is { } origin)
            await RefuseOtherModelsAsync(run, log, new(origin, Path.GetDirectoryName(origin)!, begun.Spec), cancellation);
        await host.ResumeAsync(id, Checked(reason), cancellation);
        return Accept(request, id);
    }

    public static async Task<Accepted<ManagementLinks>> TerminateAsync(
        string id, HttpRequest request, IStore store, IRunHost host, string? reason, CancellationToken cancellation)
    {
        await host.TerminateAsync(await ExistingAsync(store, host, id, cancellation), Checked(reason), cancellation);
        return Accept(request, id);
    }

    public static async Task<NoContent> PurgeAsync(string id, IStore store, IRunHost host, CancellationToken cancellation)
    {
        await host.PurgeAsync(await ExistingAsync(store, host, id, cancellation), cancellation);
        return TypedResults.NoContent();
    }

    /// <param name="remerge">Whether every child is made and all kinship measured again, and compared.</param>
    /// <param name="reevaluate">Whether every model is scored again and compared.</param>
    public static async Task<Ok<ReplayResult>> ReplayAsync(
        string id, IStore store, IRunHost host, CancellationToken cancellation, bool remerge = false, bool reevaluate = false)
    {
        RunRecord run = await RunQueries.BegunAsync(store, host, id, cancellation);
        if (run.State.Completed is null)
            throw RefusedException.Conflict("id", $"`{id}` is not over; a run is replayed once it is");
        return TypedResults.Ok(await Auditor.ReplayAsync(store, id, remerge, reevaluate, cancellation: cancellation));
    }

    /// <summary>409 where a model of a run that was begun before is another by now.</summary>
    private static async Task RefuseOtherModelsAsync(
        StoredRun run, IReadOnlyList<LoggedEvent> log, SpecFile spec, CancellationToken cancellation)
    {
        try
        {
            await AdmittedModels.CheckAsync(run, spec, log.Select(logged => logged.Event).OfType<ModelAdmitted>(), cancellation);
        }
        catch (OtherModelException error)
        {
            throw RefusedException.Conflict(error.Field, error.Reason);
        }
    }

    private static async Task<string> ExistingAsync(IStore store, IRunHost host, string id, CancellationToken cancellation)
    {
        StoredRun run = RunQueries.Named(store, id);
        if (await host.FindAsync(id, cancellation) is null && !await run.ExistsAsync(cancellation))
            throw RunQueries.Unknown(id);
        return id;
    }

    private static Accepted<ManagementLinks> Accept(HttpRequest request, string id)
    {
        request.HttpContext.Response.Headers.RetryAfter = "10";
        ManagementLinks links = ManagementLinks.Of(request, id);
        return TypedResults.Accepted(links.StatusQueryGetUri, links);
    }

    /// <summary>A field apart from where it stands, which comes behind it as <c>(line 1, column 2)</c>.</summary>
    private static (string? Field, string Place) Placed(string? field) =>
        field?.LastIndexOf(" (line ", StringComparison.Ordinal) is > 0 and var place
            ? (field[..place], $"{field[(place + 2)..^1]}: ")
            : (field, "");

    private static string? Checked(string? reason) =>
        reason is null or { Length: <= LongestReason } && reason?.Any(char.IsControl) != true
            ? reason
            : throw RefusedException.Wrong("reason", $"must be at most {LongestReason} characters in one line");
}
