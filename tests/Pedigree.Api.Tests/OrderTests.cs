using System.Text.Json.Nodes;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

/// <summary>Orders to live runs of the sample family.</summary>
public sealed class OrderTests(FinishedRun finished) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Home => _folder["store"];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_is_suspended_resumed_and_then_decides_as_if_left_in_peace()
    {
        await using TestServer server = await TestServer.StartAsync(Home);
        (await server.PostAsync(Long, "r")).EnsureSuccessStatusCode();
        await server.HappenedAsync("r", "merge.completed");
        await server.OrderAsync("r", "suspend?reason=lunch");
        await server.WaitAsync("r", "suspended");
        Assert.Equal(new RunSuspended("lunch"), (await EventsAsync("r"))[^1]);
        // Once more is no error and changes nothing.
        await server.OrderAsync("r", "suspend");
        Assert.Equal("suspended", await server.StatusAsync("r"));

        await server.OrderAsync("r", "resume");
        await server.WaitAsync("r", "completed", "failed");
        await AssertAsInPeaceAsync("r", resumed: 1);
    }

    [Fact]
    public async Task Of_two_that_begin_a_run_of_one_id_at_once_both_have_it_or_one_is_refused()
    {
        await using TestServer server = await TestServer.StartAsync(Home);
        for (int round = 0; round < 4; round++)
        {
            Assert.Equal([202, 202], await BothAsync($"same-{round}", Samples.Spec(), Samples.Spec()));
            Assert.Equal([202, 409], await BothAsync($"other-{round}", Samples.Spec(), Samples.Spec(extra: "seed: 1")));
        }
        await server.WaitAsync("same-0", "completed", "failed");
        Assert.Equal(ReadingTests.Decisions(finished.Embedded.Events), ReadingTests.Decisions(await EventsAsync("same-0")));

        async Task<IEnumerable<int>> BothAsync(string run, params string[] specs) =>
            (await Task.WhenAll(specs.Select(spec => server.PostAsync(spec, run))))
                .Select(answer => (int)answer.StatusCode).Order();
    }

    [Fact]
    public async Task A_run_is_terminated_at_once_stays_so_and_replays()
    {
        await using TestServer server = await TestServer.StartAsync(Home);
        (await server.PostAsync(Long, "r")).EnsureSuccessStatusCode();
        await server.HappenedAsync("r", "merge.completed");
        await server.OrderAsync("r", "terminate");
        JsonNode run = await server.WaitAsync("r", "terminated");
        await server.HappenedAsync("r", "run.completed");
        run = await server.GetAsync("/api/runs/r");
        Assert.Equal("told", (string?)run["stopReason"]);
        Assert.Equal((string?)run["best"]!["name"], (string?)(await EventsAsync("r")).OfType<RunCompleted>().Single().Best!.Name);
        using HttpResponseMessage replay = await server.Client.PostAsync("/api/runs/r/replay", null);
        Assert.True((bool)JsonNode.Parse(await replay.Content.ReadAsStringAsync())!["identical"]!);
        await server.OrderAsync("r", "terminate");
        await Problem.OfAsync(await server.Client.PostAsync("/api/runs/r/resume", null), 409, "run");
        Assert.True(File.Exists(Path.Combine(Home, "runs", "r", "order.json")));
        Assert.Equal(204, (int)(await server.Client.DeleteAsync("/api/runs/r/history")).StatusCode);
        Assert.False(File.Exists(Path.Combine(Home, "runs", "r", "order.json")));
        Assert.Equal("terminated", await server.StatusAsync("r"));
        Assert.Equal("told", (string?)(await server.GetAsync("/api/runs/r"))["stopReason"]);
    }

    [Fact]
    public async Task A_suspended_run_can_be_terminated_without_more_work()
    {
        await using TestServer server = await TestServer.StartAsync(Home);
        (await server.PostAsync(Long, "r")).EnsureSuccessStatusCode();
        await server.HappenedAsync("r", "merge.completed");
        await server.OrderAsync("r", "suspend");
        await server.WaitAsync("r", "suspended");
        await server.OrderAsync("r", "terminate");
        await server.HappenedAsync("r", "run.completed");
        Assert.True((await Auditor.ReplayAsync(Store.Open(Home), "r")).Identical);
    }

    [Fact]
    public async Task Runs_beyond_the_places_wait_and_what_waits_can_be_suspended_or_terminated_too()
    {
        await using TestServer server = await TestServer.StartAsync(Home);
        foreach (string run in (string[])["first", "second", "third"])
            (await server.PostAsync(Long, run)).EnsureSuccessStatusCode();
        await server.HappenedAsync("first", "model.evaluated");
        Assert.Equal("pending", await server.StatusAsync("second"));
        Assert.Contains(
            "not begun yet", await Problem.OfAsync(await server.Client.GetAsync("/api/runs/second/lineage"), 409, "id"));
        Assert.Contains(
            "not over", await Problem.OfAsync(await server.Client.DeleteAsync("/api/runs/second/history"), 409, "run"));
        await server.OrderAsync("second", "suspend");
        await server.OrderAsync("third", "terminate");
        await server.WaitAsync("second", "suspended");
        await server.WaitAsync("third", "terminated");
        Assert.False(Directory.Exists(Path.Combine(Home, "runs", "third", "events.jsonl")));
        Assert.Equal(["pending", "running", "suspended", "terminated"],
            ((string[])["pending", .. (await server.GetAsync("/api/runs")).AsArray()
                .Select(line => (string)line!["status"]!)]).Order(StringComparer.Ordinal));
        // No event of it will ever come, and it is not begun again by the way.
        Assert.Equal(204, (int)(await server.StreamAsync("third")).StatusCode);
        Assert.Contains("was terminated", await Problem.OfAsync(await server.PostAsync(Long, "third"), 409, "run"));
        // Of a run that ended before it began nothing is left once it is forgotten.
        Assert.Equal(204, (int)(await server.Client.DeleteAsync("/api/runs/third/history")).StatusCode);
        await Problem.OfAsync(await server.Client.GetAsync("/api/runs/third"), 404, "id");
        await server.OrderAsync("first", "terminate");
        await server.OrderAsync("second", "resume");
        await server.HappenedAsync("second", "model.evaluated");
        await server.OrderAsync("second", "terminate");
        await server.WaitAsync("second", "terminated");
    }

    [Fact]
    public async Task A_server_that_ends_suspends_its_run_and_the_next_one_finishes_it_with_the_same_decisions()
    {
        await using (TestServer server = await TestServer.StartAsync(Home))
        {
            (await server.PostAsync(Long, "r")).EnsureSuccessStatusCode();
            (await server.PostAsync(Samples.Spec(), "waiting")).EnsureSuccessStatusCode();
            (await server.PostAsync(Samples.Spec(), "resting")).EnsureSuccessStatusCode();
            await server.OrderAsync("resting", "suspend");
            await server.HappenedAsync("r", "merge.completed");
            await server.StopAsync();
        }
        Assert.Equal(new RunSuspended("the server ended"), (await EventsAsync("r"))[^1]);
        Assert.False(File.Exists(Path.Combine(Home, "runs", "waiting", "events.jsonl")));

        await using TestServer next = await TestServer.StartAsync(Home);
        await next.WaitAsync("r", "completed", "failed");
        await AssertAsInPeaceAsync("r", resumed: 1);
        await next.WaitAsync("waiting", "completed", "failed");
        Assert.Equal(ReadingTests.Decisions(finished.Embedded.Events), ReadingTests.Decisions(await EventsAsync("waiting")));
        Assert.Equal("suspended", await next.StatusAsync("resting"));
    }

    [Fact]
    public async Task Of_two_servers_on_one_store_the_second_leaves_a_run_to_the_first_and_sees_it_end()
    {
        await using TestServer first = await TestServer.StartAsync(Home);
        (await first.PostAsync(Long, "r")).EnsureSuccessStatusCode();
        await first.HappenedAsync("r", "merge.completed");
        await using TestServer second = await TestServer.StartAsync(Home);
        await second.WaitAsync("r", "unattended", "failed", "completed");
        Assert.Null((await second.GetAsync("/api/runs/r"))["error"]);
        Assert.Equal("running", await first.StatusAsync("r"));
        await first.OrderAsync("r", "terminate");
        await second.WaitAsync("r", "terminated", "failed");
        Assert.Null((await second.GetAsync("/api/runs")).AsArray().Single()!["error"]);
    }

    [Fact]
    public async Task A_stream_that_waits_for_a_run_ends_when_it_is_terminated_before_its_first_event()
    {
        await using TestServer server = await TestServer.StartAsync(Home);
        (await server.PostAsync(Long, "first")).EnsureSuccessStatusCode();
        (await server.PostAsync(Samples.Spec(), "second")).EnsureSuccessStatusCode();
        using HttpResponseMessage stream = await server.StreamAsync("second");
        await server.OrderAsync("second", "terminate");
        Assert.Equal("", await stream.Content.ReadAsStringAsync());
        await server.OrderAsync("first", "terminate");
    }

    [Fact]
    public async Task A_run_that_fails_says_why_and_goes_on_once_that_is_mended()
    {
        TemporaryFolder.Copy(Samples.Family, _folder["family"]);
        string weights = Path.Combine(_folder["family"], "sort", "model.safetensors");
        byte[] whole = File.ReadAllBytes(weights);
        File.WriteAllBytes(weights, whole[..^10]);
        string spec = Samples.Spec().Replace(Samples.Family, _folder["family"]);
        await using TestServer server = await TestServer.StartAsync(Home, _folder["family"]);
        (await server.PostAsync(spec, "r")).EnsureSuccessStatusCode();
        JsonNode run = await server.WaitAsync("r", "failed", "completed");
        Assert.Contains("model.safetensors", (string?)run["error"]?["detail"]);
        File.WriteAllBytes(weights, whole);
        await server.OrderAsync("r", "resume");
        Assert.Null((await server.WaitAsync("r", "completed", "failed"))["error"]);
    }

    [Fact]
    public async Task A_finished_run_whose_model_was_replaced_is_not_the_run_that_is_asked_for()
    {
        TemporaryFolder.Copy(Samples.Family, _folder["family"]);
        string spec = Samples.Spec().Replace(Samples.Family, _folder["family"]),
            weights = Path.Combine(_folder["family"], "sort", "model.safetensors");
        await using TestServer server = await TestServer.StartAsync(Home, _folder["family"]);
        (await server.PostAsync(spec, "r")).EnsureSuccessStatusCode();
        await server.WaitAsync("r", "completed", "failed");
        byte[] admitted = File.ReadAllBytes(weights), log = File.ReadAllBytes(Path.Combine(Home, "runs", "r", "events.jsonl"));

        File.Copy(Path.Combine(Samples.Family, "max", "model.safetensors"), weights, overwrite: true);
        Assert.Contains($"{Path.GetDirectoryName(weights)} has changed since it was admitted to run r",
            await Problem.OfAsync(await server.PostAsync(spec, "r"), 409, "models.sort"));
        Assert.Equal(log, File.ReadAllBytes(Path.Combine(Home, "runs", "r", "events.jsonl")));

        File.WriteAllBytes(weights, admitted);
        Assert.Equal(202, (int)(await server.PostAsync(spec, "r")).StatusCode);
    }

    [Fact]
    public async Task A_run_whose_model_was_replaced_is_not_resumed_but_can_be_terminated()
    {
        TemporaryFolder.Copy(Samples.Family, _folder["family"]);
        string weights = Path.Combine(_folder["family"], "sort", "model.safetensors");
        byte[] admitted = File.ReadAllBytes(weights);
        await using TestServer server = await TestServer.StartAsync(Home, _folder["family"]);
        (await server.PostAsync(Long.Replace(Samples.Family, _folder["family"]), "r")).EnsureSuccessStatusCode();
        await server.HappenedAsync("r", "merge.completed");
        await server.OrderAsync("r", "suspend");
        await server.WaitAsync("r", "suspended");

        File.Copy(Path.Combine(Samples.Family, "max", "model.safetensors"), weights, overwrite: true);
        Assert.Contains("has changed since it was admitted to run r",
            await Problem.OfAsync(await server.Client.PostAsync("/api/runs/r/resume", null), 409, "models.sort"));
        Assert.Equal("suspended", await server.StatusAsync("r"));

        await server.OrderAsync("r", "terminate");
        await server.HappenedAsync("r", "run.completed");
        File.WriteAllBytes(weights, admitted);
        Assert.True((await Auditor.ReplayAsync(Store.Open(Home), "r")).Identical);
    }

    [Fact]
    public async Task A_run_begun_by_the_embedded_host_is_unattended_until_someone_resumes_it()
    {
        SpecFile spec = Samples.Write(_folder["spec.yaml"], Long);
        using CancellationTokenSource interrupt = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => EmbeddedHost.RunAsync(
            spec, Store.Open(Home), "r", new CancelAfter<MergeCompleted>(interrupt), interrupt.Token));
        await using TestServer server = await TestServer.StartAsync(Home);
        Assert.Equal("unattended", await server.StatusAsync("r"));
        Assert.Contains("not run by this server",
            await Problem.OfAsync(await server.Client.PostAsync("/api/runs/r/suspend", null), 409, "run"));
        await server.OrderAsync("r", "resume");
        await server.WaitAsync("r", "completed", "failed");
        await AssertAsInPeaceAsync("r", resumed: 1);
    }

    /// <summary>Long enough to be given orders: some seconds of work.</summary>
    internal static string Long => Samples.Spec(stop: "generations: 2, kinship: null").Replace("limit: 6", "limit: 100");

    private async Task<IReadOnlyList<RunEvent>> EventsAsync(string run) =>
        [.. (await EventLog.ReadAsync(new(Store.Open(Home), run))).Select(logged => logged.Event)];

    private async Task AssertAsInPeaceAsync(string run, int resumed)
    {
        IReadOnlyList<RunEvent> events = await EventsAsync(run);
        Assert.Equal(resumed, events.OfType<RunResumed>().Count());
        RunRecord peace = await EmbeddedHost.RunAsync(
            Samples.Write(_folder["peace.yaml"], Long), Store.Open(_folder["peace"]), run);
        Assert.Equal(ReadingTests.Decisions(peace.Events), ReadingTests.Decisions(events));
        Assert.True((await Auditor.ReplayAsync(Store.Open(Home), run)).Identical);
    }

    private sealed class CancelAfter<TEvent>(CancellationTokenSource source) : IProgress<RunProgress>
    {
        public void Report(RunProgress value)
        {
            if (value is EventProgress { Event: TEvent })
                source.Cancel();
        }
    }
}
