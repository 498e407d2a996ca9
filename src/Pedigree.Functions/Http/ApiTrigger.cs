using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask.Client;
using Microsoft.Extensions.DependencyInjection;
using Pedigree.Api;

namespace Pedigree.Functions.Http;

/// <summary>Every route of the API, behind a function key; the page alone has none.</summary>
public sealed class ApiTrigger(ApiRoutes routes)
{
    /// <summary>The routes below <c>/api/runs</c>.</summary>
    [Function("Runs")]
    public Task RunsAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", "post", "delete", Route = "api/runs/{*rest}")]
        HttpRequest request,
        [DurableClient] DurableTaskClient client) => routes.AnswerAsync(request, client);

    /// <summary>The OpenAPI document.</summary>
    [Function("OpenApi")]
    public Task OpenApiAsync(
        [HttpTrigger(AuthorizationLevel.Function, "get", "head", Route = "openapi/{*rest}")] HttpRequest request,
        [DurableClient] DurableTaskClient client) => routes.AnswerAsync(request, client);

    /// <summary>The page at the top. It tells nothing of the runs: it asks for them with the key in its own address.</summary>
    [Function("Page")]
    public Task PageAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "{nothing:maxlength(0)?}")] HttpRequest request,
        [DurableClient] DurableTaskClient client) => routes.AnswerAsync(request, client);
}

/// <summary>The API's routes as one delegate.</summary>
public sealed class ApiRoutes(IServiceProvider services)
{
    private readonly RequestDelegate _routes = RunsApi.Build(services);

    internal Task AnswerAsync(HttpRequest request, DurableTaskClient client)
    {
        request.HttpContext.RequestServices.GetRequiredService<DurableClientOfRequest>().Client = client;
        return _routes(request.HttpContext);
    }
}

/// <summary>The client that the trigger was given; only there does it exist.</summary>
internal sealed class DurableClientOfRequest
{
    public DurableTaskClient Client { get; set; } = null!;
}
