using System.Net;
using Pedigree.Api.Serving;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

public sealed class EventStreamTests(FinishedRun finished)
{
    private string[] Log => File.ReadAllLines(Path.Combine(finished.Home, "runs", "small", "events.jsonl"));

    [Fact]
    public async Task A_stream_gives_every_line_with_its_number_and_ends_after_the_last_event()
    {
        using HttpResponseMessage response = await finished.Server.StreamAsync("small");
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        Assert.True(response.Headers.CacheControl?.NoStore);
        Assert.Equal(Told(Log, 0), await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_client_that_comes_back_gets_what_it_has_not_seen()
    {
        for (int seen = 1; seen < Log.Length; seen += 5)
            Assert.Equal(
                Told(Log, seen), await (await finished.Server.StreamAsync("small", $"{seen}")).Content.ReadAsStringAsync());
        Assert.Equal(HttpStatusCode.NoContent, (await finished.Server.StreamAsync("small", $"{Log.Length}")).StatusCode);
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("-1")]
    [InlineData("1000000")]
    [InlineData("99999999999999999999")]
    public async Task An_id_that_is_no_event_of_the_run_is_refused(string id) =>
        await Problem.OfAsync(await finished.Server.StreamAsync("small", id), 400, "Last-Event-ID");

    [Fact]
    public async Task A_stream_of_a_run_at_work_goes_on_where_another_one_broke_off_and_the_two_are_the_log()
    {
        using TemporaryFolder folder = new();
        await using TestServer server = await TestServer.StartAsync(folder["store"]);
        (await server.PostAsync(Samples.Spec(), "live")).EnsureSuccessStatusCode();
        string told = "";
        using (HttpResponseMessage first = await server.StreamAsync("live"))
        {
            using StreamReader lines = new(await first.Content.ReadAsStreamAsync());
            for (int event_ = 0; event_ < 3; event_++)
                for (string? line = null; line != "";)
                    told += (line = await lines.ReadLineAsync()) + "\n";
        }
        using HttpResponseMessage second = await server.StreamAsync("live", "3");
        told += await second.Content.ReadAsStringAsync();
        Assert.Equal(Told(File.ReadAllLines(Path.Combine(folder["store"], "runs", "live", "events.jsonl")), 0), told);
        Assert.Equal("completed", await server.StatusAsync("live"));
    }

    [Fact]
    public async Task A_silent_stream_beats_and_ends_when_the_server_does()
    {
        using TemporaryFolder folder = new();
        await using TestServer server = await TestServer.StartAsync(new ServerOptions
        {
            Urls = ["http://127.0.0.1:0"],
            Store = folder["store"],
            Api = new() { Roots = [Samples.Family], Heartbeat = TimeSpan.FromMilliseconds(1) },
        });
        (await server.PostAsync(Samples.Spec(), "silent")).EnsureSuccessStatusCode();
        await server.OrderAsync("silent", "suspend");
        await server.WaitAsync("silent", "suspended");
        using HttpResponseMessage response = await server.StreamAsync("silent");
        using StreamReader lines = new(await response.Content.ReadAsStreamAsync());
        while (await lines.ReadLineAsync() is { } line && !line.StartsWith(':'))
        {
        }
        Task ended = lines.ReadToEndAsync();
        await server.StopAsync();
        await ended;
    }

    private static string Told(string[] log, int after) =>
        string.Concat(log.Index().Skip(after).Select(line => $"id: {line.Index + 1}\ndata: {line.Item}\n\n"));
}
