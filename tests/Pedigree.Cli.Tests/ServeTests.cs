using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Pedigree.Cli.Tests;

public sealed class ServeTests : IDisposable
{
    private readonly Folder _folder = new();

    public static bool HasSignals => !OperatingSystem.IsWindows();

    private string Store => _folder["store"];

    public void Dispose() => _folder.Dispose();

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Windows has no SIGINT to send")]
    public async Task A_server_killed_in_the_middle_of_a_run_goes_on_when_it_is_started_again_and_ends_in_good_order()
    {
        string spec = File.ReadAllText(Path.Combine(Command.Samples, "demo.yaml")).Replace("generations: 7", "generations: 1");
        (Process killed, HttpClient client) = await ServeAsync();
        using (killed)
        {
            (await client.PostAsync("/api/runs?run=demo", new StringContent(spec, Encoding.UTF8, "application/yaml")))
                .EnsureSuccessStatusCode();
            await HappenedAsync(client, "model.evaluated");
            killed.Kill();
            await killed.WaitForExitAsync();
        }
        Assert.False((bool)(await Command.DoneAsync("runs", "--store", Store, "--json")).Json[0]!["completed"]!);

        (Process next, client) = await ServeAsync();
        using (next)
        {
            await HappenedAsync(client, "run.completed");
            await Command.InterruptAsync(next);
            await next.WaitForExitAsync();
            Assert.Equal(0, next.ExitCode);
        }
        Assert.True((bool)(await Command.DoneAsync("replay", "demo", "--store", Store, "--json")).Json["identical"]!);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_said_in_a_line()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        string refusal = (await Command.RunAsync("serve", "--urls", $"http://{taken.LocalEndpoint}", "--store", Store)).Refusal;
        Assert.Contains("--urls: cannot be listened on", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_store_that_cannot_be_written_is_said_in_a_line()
    {
        File.WriteAllText(_folder["file"], "");
        foreach (string store in (string[])[
            _folder["file/store"], "AccountName=a;AccountKey=AAAA;BlobEndpoint=http://127.0.0.1:1/a"])
        {
            string refusal = (await Command.RunAsync("serve", "--urls", "http://127.0.0.1:0", "--store", store)).Refusal;
            Assert.Contains(store == _folder["file/store"] ? $"{store}/"
                : "http://127.0.0.1:1/a/pedigree: cannot be reached", refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_a_key_others_are_not_served()
    {
        string refusal = (await Command.RunAsync("serve", "--urls", "http://0.0.0.0:0", "--store", Store)).Refusal;
        Assert.Contains("PEDIGREE_KEY", refusal, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Store));
    }

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Windows has no SIGINT to send")]
    public async Task Traces_go_to_the_collector_that_the_environment_names()
    {
        using HttpListener collector = new();
        collector.Prefixes.Add($"http://127.0.0.1:{FreePort()}/");
        collector.Start();
        (Process server, HttpClient client) = await ServeAsync(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.Prefixes.Single()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"));
        using (server)
        {
            await client.GetStringAsync("/api/runs");
            Task<HttpListenerContext> received = collector.GetContextAsync();
            await Command.InterruptAsync(server);
            HttpListenerContext context = await received.WaitAsync(TimeSpan.FromMinutes(1));
            using MemoryStream body = new();
            await context.Request.InputStream.CopyToAsync(body);
            context.Response.Close();
            Assert.Equal("/v1/traces", context.Request.Url!.AbsolutePath);
            Assert.Contains("GET /api/runs", Encoding.Latin1.GetString(body.ToArray()), StringComparison.Ordinal);
            await server.WaitForExitAsync();
        }
    }

    private static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task<(Process Server, HttpClient Client)> ServeAsync(
        params (string Name, string Value)[] environment)
    {
        Process server = Command.Start(
            ["serve", "--urls", "http://127.0.0.1:0", "--store", Store, "--root", Command.Samples, "--json"], environment);
        _ = server.StandardError.ReadToEndAsync();
        StringBuilder said = new();
        while (await server.StandardOutput.ReadLineAsync() is { } line)
        {
            said.AppendLine(line);
            if (line == "}")
                break;
        }
        return (server, new() { BaseAddress = new((string)JsonNode.Parse(said.ToString())!["urls"]![0]!) });
    }

    private static async Task HappenedAsync(HttpClient client, string type)
    {
        HttpRequestMessage request = new(HttpMethod.Get, "/api/runs/demo/events")
        {
            Headers = { { "Accept", "text/event-stream" } },
        };
        using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync());
        while (await lines.ReadLineAsync() is { } line
            && !line.Contains($"\"type\":\"pedigree.{type}\"", StringComparison.Ordinal))
        {
        }
    }
}
