using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pedigree.Evolution.Tests;

public class EventJsonTests
{
    [Fact]
    public async Task Every_event_of_a_run_reads_back_as_it_was_written()
    {
        VectorWorld world = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(world.Spec("kinship"), world);
        RunEvent[] events = [.. world.Log, new RunSuspended("asked to"), new RunResumed(3), new WorkFailed("2-1", "merge", "no")];
        Assert.Equal(11, events.Select(EventJson.TypeOf).Distinct().Count());
        foreach (RunEvent written in events)
        {
            string text = EventJson.ToJson(written).ToJsonString(EventJson.Options);
            RunEvent read = EventJson.FromJson(EventJson.TypeOf(written), JsonNode.Parse(text)!);
            Assert.Equal(text, EventJson.ToJson(read).ToJsonString(EventJson.Options));
            Assert.True(EventJson.Same(written, read));
        }
    }

    [Fact]
    public void Unknown_types_and_members_are_refused()
    {
        Assert.Throws<JsonException>(() => EventJson.FromJson("pedigree.run.paused", new JsonObject()));
        Assert.Throws<JsonException>(() => EventJson.FromJson(
            "pedigree.run.suspended", new JsonObject { ["reason"] = "x", ["raeson"] = "y" }));
    }
}
