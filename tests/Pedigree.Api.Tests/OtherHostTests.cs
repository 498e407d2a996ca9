using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Pedigree.Api.Hosts;
using Pedigree.Storage;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

/// <summary>
/// The routes as one delegate in a host that does the outer routing itself, as an HTTP trigger with a catch-all route does.
/// </summary>
public sealed class OtherHostTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly WebApplication _app;
    private HttpClient _client = null!;

    public OtherHostTests()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddRunsApi(Store.Open(_folder["store"]), new() { Roots = [Samples.Family] }).AddEmbeddedRuns(1);
        _app = builder.Build();
        _app.Urls.Add("http://127.0.0.1:0");
        RequestDelegate routes = RunsApi.Build(_app.Services);
        _app.Map("/{**anything}", context => routes(context));
    }

    public async ValueTask InitializeAsync()
    {
        await _app.StartAsync();
        _client = new() { BaseAddress = new(_app.Urls.Single()) };
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_run_is_begun_read_and_ordered_about_as_in_the_server()
    {
        using HttpResponseMessage begun = await _client.PostAsync(
            "/api/runs?run=r", new StringContent(Samples.Spec(), Encoding.UTF8, "application/yaml"));
        Assert.Equal(HttpStatusCode.Accepted, begun.StatusCode);
        Assert.Equal($"{_client.BaseAddress}api/runs/r", begun.Headers.Location!.ToString());
        JsonNode links = JsonNode.Parse(await begun.Content.ReadAsStringAsync())!;
        Assert.Equal("r", (string?)links["id"]);
        Assert.Equal(HttpStatusCode.Accepted, (await _client.PostAsync((string)links["terminatePostUri"]!, null)).StatusCode);
        Assert.Equal("r", (string?)JsonNode.Parse(await _client.GetStringAsync((string)links["statusQueryGetUri"]!))!["id"]);
        Assert.Contains("/api/runs/{id}/events", await _client.GetStringAsync("/openapi/v1.json"));
    }

    [Theory]
    [InlineData("/api/runs/nobody", 404, "id")]
    [InlineData("/api/runs/a%2Fb", 400, "id")]
    [InlineData("/nothing", 404, null)]
    public async Task Errors_are_problem_documents_there_too(string path, int status, string? field) =>
        await Problem.OfAsync(await _client.GetAsync(path), status, field);
}
