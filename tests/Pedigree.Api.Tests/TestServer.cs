using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Pedigree.Api.Serving;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

/// <summary>The real server on a free port of this machine.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestServer(WebApplication app) => _app = app;

    public HttpClient Client { get; private set; } = null!;

    public Uri Address => Client.BaseAddress!;

    public static Task<TestServer> StartAsync(string store, params string[] roots) =>
        StartAsync(new ServerOptions
        {
            Urls = ["http://127.0.0.1:0"],
            Store = store,
            Api = new() { Roots = roots is [] ? [Samples.Family] : roots },
        });

    public static async Task<TestServer> StartAsync(ServerOptions options)
    {
        TestServer server = new(PedigreeServer.Create(options));
        await server._app.StartAsync();
        server.Client = new() { BaseAddress = new(server._app.Urls.Single()) };
        return server;
    }

    /// <summary>Sends a spec.</summary>
    public Task<HttpResponseMessage> PostAsync(string spec, string? run = null, string type = "application/yaml") =>
        Client.PostAsync(run is null
            ? "/api/runs"
            : $"/api/runs?run={Uri.EscapeDataString(run)}", new StringContent(spec, Encoding.UTF8, type));

    /// <summary>Gives an order that must be accepted.</summary>
    public async Task OrderAsync(string run, string order) =>
        Assert.Equal(202, (int)(await Client.PostAsync($"/api/runs/{run}/{order}", null)).StatusCode);

    public async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await Client.GetStringAsync(path))!;

    public async Task<string> StatusAsync(string run) => (string)(await GetAsync($"/api/runs/{run}"))["status"]!;

    /// <summary>Waits until a run stands so.</summary>
    public async Task<JsonNode> WaitAsync(string run, params string[] statuses)
    {
        for (; ; await Task.Delay(50))
            if (await GetAsync($"/api/runs/{run}") is var document && statuses.Contains((string)document["status"]!))
                return document;
    }

    /// <summary>A live stream of events.</summary>
    public async Task<HttpResponseMessage> StreamAsync(string run, string? lastEventId = null)
    {
        HttpRequestMessage request = new(HttpMethod.Get, $"/api/runs/{run}/events");
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        if (lastEventId is not null)
            request.Headers.Add("Last-Event-ID", lastEventId);
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    /// <summary>Waits for an event of that type.</summary>
    public async Task HappenedAsync(string run, string type)
    {
        using HttpResponseMessage response = await StreamAsync(run);
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync());
        while (await lines.ReadLineAsync() is { } line)
            if (line.Contains($"\"type\":\"pedigree.{type}\"", StringComparison.Ordinal))
                return;
        Assert.Fail($"{run} ended without {type}");
    }

    /// <summary>Ends in good order, as Ctrl-C does.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}

/// <summary>Problem documents.</summary>
internal static class Problem
{
    /// <summary>What a refused request is told; it must be a problem document of that status that names the field.</summary>
    public static async Task<string> OfAsync(HttpResponseMessage response, int status, string? field)
    {
        string body = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {body}");
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        JsonNode problem = JsonNode.Parse(body)!;
        Assert.Equal(status, (int)problem["status"]!);
        Assert.Equal(field, (string?)problem["field"]);
        Assert.NotNull((string?)problem["title"]);
        return (string)problem["detail"]!;
    }
}
