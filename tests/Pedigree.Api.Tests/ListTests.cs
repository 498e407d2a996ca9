using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Pedigree.Api.Hosts;
using Pedigree.Storage;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

public sealed class ListTests(FinishedRun finished)
{
    [Fact]
    public async Task A_page_of_runs_costs_two_small_reads_a_run_however_long_their_logs_are_and_nothing_of_the_others()
    {
        using TemporaryFolder folder = new();
        string[] lines = File.ReadAllLines(Path.Combine(finished.Home, "runs", "small", "events.jsonl"));
        Directory.CreateDirectory(folder["runs/small"]);
        // Nobody who lists runs looks at the million bytes between the ends.
        File.WriteAllText(folder["runs/small/events.jsonl"],
            string.Join('\n', [lines[0], .. Enumerable.Repeat(new string('x', 999), 1000), .. lines[1..], ""]));
        TemporaryFolder.Copy(folder["runs/small"], folder["runs/z"]);

        (IStore store, CountingStore counts) = CountingStore.Of(Store.Open(folder.Path));
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddRunsApi(store, new() { Roots = [Samples.Family] }).AddEmbeddedRuns(1);
        await using WebApplication app = builder.Build();
        app.Urls.Add("http://127.0.0.1:0");
        app.UseRunsApi();
        await app.StartAsync(TestContext.Current.CancellationToken);
        using HttpClient client = new() { BaseAddress = new(app.Urls.Single()) };

        JsonNode run = Assert.Single(
            JsonNode.Parse(await client.GetStringAsync("/api/runs?limit=1", TestContext.Current.CancellationToken))!.AsArray())!;
        JsonNode whole = Assert.Single(
            (await finished.Server.GetAsync("/api/runs")).AsArray(), each => (string?)each!["id"] == "small")!;
        foreach (string member in (string[])["id", "status", "strategy", "generation", "best", "stopReason", "error"])
            Assert.True(JsonNode.DeepEquals(whole[member], run[member]), member);
        (string Name, int Bytes)[] reads =
            [.. counts.Reads.Where(read => read.Name.EndsWith("events.jsonl", StringComparison.Ordinal))];
        Assert.Equal([("runs/small/events.jsonl", 16384), ("runs/small/events.jsonl", 16384)], reads);

        await Problem.OfAsync(await client.GetAsync("/api/runs/small", TestContext.Current.CancellationToken), 500, "line 2");
        await app.StopAsync(TestContext.Current.CancellationToken);
    }
}
