using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Pedigree.Api.Requests;
using Pedigree.Api.Responses;
using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Api;

/// <summary>The routes, written once for every host. A host adds its <see cref="Hosts.IRunHost"/>.</summary>
public static class RunsApi
{
    private static readonly string[] Read = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>Adds what the routes use.</summary>
    public static IServiceCollection AddRunsApi(this IServiceCollection services, IStore store, RunsApiOptions options)
    {
        services.AddRouting();
        services.AddProblemDetails(problems => problems.CustomizeProblemDetails = Problems.Explain);
        services.AddOpenApi(document => document.AddDocumentTransformer((openApi, _, _) =>
        {
            openApi.Info = new()
            {
                Title = "Pedigree",
                Version = "v1",
                Description = "Evolves language models by merging them, guided by model kinship.",
            };
            return Task.CompletedTask;
        }));
        services.Configure<JsonOptions>(json =>
        {
            foreach (var converter in EventJson.Options.Converters)
                json.SerializerOptions.Converters.Add(converter);
            json.SerializerOptions.Encoder = EventJson.Options.Encoder;
        });
        return services.AddSingleton(store).AddSingleton(options).AddSingleton(new AllowedPaths(store, options.Roots));
    }

    /// <summary>Problem documents, routing and the routes.</summary>
    public static IApplicationBuilder UseRunsApi(this IApplicationBuilder app) =>
        app.UseStatusCodePages().UseMiddleware<Problems>().UseRouting().UseEndpoints(routes => routes.MapRuns());

    /// <summary>
    /// The same as one delegate, for a host that does the outer routing itself and hands over every request, as an HTTP trigger
    /// with a catch-all route does.
    /// </summary>
    public static RequestDelegate Build(IServiceProvider services)
    {
        RequestDelegate routes = new ApplicationBuilder(services).UseRunsApi().Build();
        return async context =>
        {
            // What the outer routing found would keep the inner one from looking.
            Endpoint? outer = context.GetEndpoint();
            RouteValueDictionary values = context.Request.RouteValues;
            context.Request.RouteValues = [];
            context.SetEndpoint(null);
            try
            {
                await routes(context);
            }
            finally
            {
                context.SetEndpoint(outer);
                context.Request.RouteValues = values;
            }
        };
    }

    /// <summary>Maps the routes. Whatever can be read answers HEAD too.</summary>
    public static void MapRuns(this IEndpointRouteBuilder routes)
    {
        routes.MapOpenApi().WithMetadata(new HttpMethodMetadata(Read));
        routes.MapMethods("/", Read, Dashboard.Get).ExcludeFromDescription();
        RouteGroupBuilder runs = routes.MapGroup("/api/runs").WithTags("runs").AddEndpointFilterFactory(KnownParameters.Filter);
        runs.MapPost("/", RunOrders.StartAsync).WithSummary("Begin a run: a spec as JSON or YAML")
            .Accepts<JsonObject>(SpecBody.MediaTypes[0], SpecBody.MediaTypes[1..]).Refuses(400, 409, 413, 415);
        runs.MapMethods("/", Read, RunQueries.ListAsync)
            .WithSummary("Runs, a page at a time: the header Link has the next one").Refuses(400);

        RouteGroupBuilder run = runs.MapGroup("/{id}").Refuses(400, 404);
        run.MapMethods("/", Read, RunQueries.GetAsync).WithSummary("How a run stands, with all its models");
        run.MapMethods("/events", Read, RunQueries.EventsAsync)
            .WithSummary("Its log as ndjson, or its events as they happen as an event stream")
            .Produces<string>(200, "application/x-ndjson", EventStream.MediaType);
        run.MapMethods("/lineage", Read, RunQueries.LineageAsync).WithSummary("Its family tree");
        run.MapMethods("/kinship", Read, RunQueries.KinshipAsync).WithSummary("Kinship of all its models");
        run.MapMethods("/report", Read, RunQueries.ReportAsync)
            .WithSummary("A page for people").Produces<string>(200, "text/html");
        run.MapMethods("/models/{name}", Read, RunModels.ListAsync).WithSummary("Files of a model");
        run.MapMethods("/models/{name}/{**file}", Read, RunModels.GetAsync).WithSummary("A file of a model, or a range of it")
            .Produces(200).Produces(206).Produces(304).ProducesProblem(416);
        run.MapPost("/suspend", RunOrders.SuspendAsync).WithSummary("Stop work at once, to go on another day").Refuses(409);
        run.MapPost("/resume", RunOrders.ResumeAsync).WithSummary("Go on").Refuses(409);
        run.MapPost("/terminate", RunOrders.TerminateAsync)
            .WithSummary("End it for good, at once, with what it has").Refuses(409);
        run.MapPost("/replay", RunOrders.ReplayAsync)
            .WithSummary("Decide a finished run again from its log, and verify log and models").Refuses(409);
        run.MapDelete("/history", RunOrders.PurgeAsync)
            .WithSummary("Forget what the host keeps of a run that is over; its log stays").Refuses(409);
    }

    private static TBuilder Refuses<TBuilder>(this TBuilder routes, params int[] statuses)
        where TBuilder : IEndpointConventionBuilder
    {
        foreach (int status in statuses)
            routes.WithMetadata(new ProducesResponseTypeMetadata(
                status, typeof(Microsoft.AspNetCore.Mvc.ProblemDetails), ["application/problem+json"]));
        return routes;
    }
}
