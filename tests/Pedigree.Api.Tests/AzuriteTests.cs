using System.Text.Json.Nodes;
using Pedigree.Evolution;
using Pedigree.Workflow.Tests;
using Pedigree.Workflow.Tests.Azurite;

namespace Pedigree.Api.Tests;

/// <summary>The server on blobs.</summary>
public sealed class AzuriteTests(AzuriteServer azurite, FinishedRun finished) : IDisposable
{
    private readonly TemporaryFolder _cache = new();

    public void Dispose() => _cache.Dispose();

    [Fact]
    public async Task A_run_served_on_blobs_has_the_events_and_the_best_model_of_one_on_a_folder_and_replays()
    {
        string address = await azurite.AddressAsync();
        Environment.SetEnvironmentVariable("PEDIGREE_CACHE", _cache.Path);
        await using TestServer server = await TestServer.StartAsync(address);
        (await server.PostAsync(Samples.Spec(), "small")).EnsureSuccessStatusCode();
        await server.HappenedAsync("small", "run.completed");

        IEnumerable<RunEvent> events = (await server.Client.GetStringAsync("/api/runs/small/events")).TrimEnd('\n').Split('\n')
            .Select(line => JsonNode.Parse(line)!).Select(line => EventJson.FromJson((string)line["type"]!, line["data"]!));
        Assert.Equal(ReadingTests.Decisions(finished.Embedded.Events), ReadingTests.Decisions(events));
        string best = finished.Embedded.State.Completed!.Best!.Name;
        foreach (JsonNode? file in (await server.GetAsync($"/api/runs/small/models/{best}")).AsArray())
            Assert.Equal(
                await finished.Client.GetByteArrayAsync($"/api/runs/small/models/{best}/{file!["name"]}"),
                await server.Client.GetByteArrayAsync($"/api/runs/small/models/{best}/{file["name"]}"));
        using HttpResponseMessage replay = await server.Client.PostAsync("/api/runs/small/replay?remerge=true", null);
        Assert.True((bool)JsonNode.Parse(await replay.Content.ReadAsStringAsync())!["identical"]!);
        Assert.Equal(204, (int)(await server.Client.DeleteAsync("/api/runs/small/history")).StatusCode);
        Assert.Equal("completed", await server.StatusAsync("small"));
    }
}
