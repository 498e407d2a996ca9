using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Azure.Storage.Blobs.Models;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow;

namespace Pedigree.Functions.Tests;

/// <summary>The app in a real Functions host on Azurite.</summary>
public sealed class FunctionsHostTests(FunctionsHost host) : IClassFixture<FunctionsHost>
{
    [Fact]
    public async Task A_run_posted_over_http_has_the_events_and_the_best_checkpoint_of_the_embedded_host()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        await host.PostAsync(Samples.Spec(), "alike");
        await host.WaitAsync("alike", "completed");

        using TemporaryFolder folder = new();
        IReadOnlyList<RunEvent> events = await EventsAsync("alike");
        SpecFile spec = SpecFile.Parse("spec.yaml", Samples.Family, Samples.Spec()).WithTasks();
        RunRecord embedded = await EmbeddedHost.RunAsync(
            spec with { Spec = ((RunStarted)events[0]).Spec }, Store.Open(folder["store"]), "alike");
        Assert.Equal(embedded.Events.Select(Json), events.Select(Json));

        string best = StoreNames.Checkpoint(embedded.State.Find(embedded.State.Completed!.Best!.Name).Digest);
        Assert.Equal(TemporaryFolder.Contents(Path.Combine(folder["store"], best)), host.Contents(best));
    }

    [Fact]
    public async Task The_events_of_a_run_are_published_in_order_and_a_receiver_that_is_down_holds_up_nothing()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        host.Receives = false;
        await host.PostAsync(Samples.Spec(extra: "seed: 15"), "published");
        await host.WaitAsync("published", "completed");
        Assert.Empty(host.PublishedOf("published"));

        host.Receives = true;
        string[] lines = await host.LogAsync("published");
        while (host.PublishedOf("published").Count < lines.Length)
            await Task.Delay(250, TestContext.Current.CancellationToken);
        Assert.Equal(lines, host.PublishedOf("published"));
    }

    [Fact]
    public async Task A_request_without_a_key_is_refused()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        Assert.Equal(HttpStatusCode.Unauthorized,
            (await host.Stranger.GetAsync("/api/runs", TestContext.Current.CancellationToken)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized,
            (await host.Stranger.PostAsync("/api/runs", null, TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task The_page_at_the_top_is_for_everyone_and_what_it_asks_for_wants_the_key_in_its_address()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        using HttpResponseMessage page = await host.Stranger.GetAsync("/", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Contains("default-src 'none'; connect-src 'self'; ", page.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Contains("<title>Pedigree</title>", await page.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        string key = host.Client.DefaultRequestHeaders.GetValues("x-functions-key").Single();
        Assert.Equal(HttpStatusCode.OK,
            (await host.Stranger.GetAsync($"/api/runs?code={key}", TestContext.Current.CancellationToken)).StatusCode);
        using HttpRequestMessage head = new(HttpMethod.Head, $"/api/runs?code={key}");
        Assert.Equal(HttpStatusCode.OK, (await host.Stranger.SendAsync(head, TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task A_spec_that_is_wrong_is_refused_with_the_field_and_begins_nothing()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        string spec = Samples.Spec().Replace("/sort\n", "/nowhere\n", StringComparison.Ordinal);
        using HttpResponseMessage answer = await host.Client.PostAsync(
            "/api/runs?run=wrong",
            new StringContent(spec, Encoding.UTF8, "application/yaml"),
            TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("models.sort", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(HttpStatusCode.NotFound,
            (await host.Client.GetAsync("/api/runs/wrong", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task A_finished_run_whose_model_was_replaced_is_not_the_run_that_is_asked_for()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        TemporaryFolder.Copy(Path.Combine(Samples.Family, "sort"), Path.Combine(host.Models, "sort"));
        string spec = Samples.Spec(extra: "seed: 16")
            .Replace($"{Samples.Family}/sort\n", $"{host.Models}/sort\n", StringComparison.Ordinal);
        await host.PostAsync(spec, "replaced");
        await host.WaitAsync("replaced", "completed");

        File.Copy(Path.Combine(Samples.Family, "max",
            "model.safetensors"), Path.Combine(host.Models, "sort", "model.safetensors"), overwrite: true);
        using HttpResponseMessage answer = await host.Client.PostAsync(
            "/api/runs?run=replaced",
            new StringContent(spec, Encoding.UTF8, "application/yaml"),
            TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        Assert.Equal("models.sort",
            (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["field"]);
    }

    [Fact]
    public async Task The_call_that_begins_a_run_its_orchestration_and_its_activities_are_one_trace()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        string trace = ActivityTraceId.CreateRandom().ToString(), caller = ActivitySpanId.CreateRandom().ToString();
        using HttpRequestMessage request = new(HttpMethod.Post, "/api/runs?run=traced")
        {
            Content = new StringContent(Samples.Spec(extra: "seed: 17"), Encoding.UTF8, "application/yaml"),
        };
        request.Headers.Add("traceparent", $"00-{trace}-{caller}-01");
        (await host.Client.SendAsync(request, TestContext.Current.CancellationToken)).EnsureSuccessStatusCode();
        await host.WaitAsync("traced", "completed");

        // Spans are sent every few seconds, that of the orchestration as one of the last.
        for (int second = 0; second < 60 && Named("orchestration:Evolve") is null; second++)
            await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        Span orchestration = Assert.IsType<Span>(Named("orchestration:Evolve"));
        Assert.Equal(Named("create_orchestration:Evolve")?.Id, orchestration.Parent);
        Assert.Contains(host.SpansOf(trace), span => span.Parent == caller);
        Assert.NotNull(Named("function Runs"));
        Dictionary<string, Span> spans = host.SpansOf(trace).ToDictionary(span => span.Id);
        foreach (string activity in (string[])["Admit", "MeasureKinship", "Merge", "Evaluate", "Append"])
        {
            Span span = Assert.IsType<Span>(Named($"function {activity}"));
            while (span != orchestration && spans.TryGetValue(span.Parent, out Span? parent))
                span = parent;
            Assert.Equal(orchestration, span);
        }

        Span? Named(string beginning) =>
            host.SpansOf(trace).FirstOrDefault(span => span.Name.StartsWith(beginning, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Of_two_that_begin_a_run_of_one_id_at_once_both_have_it_or_one_is_refused()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        for (int round = 0; round < 4; round++)
        {
            string one = Samples.Spec(extra: "seed: 21"), other = Samples.Spec(extra: "seed: 22");
            Assert.Equal([HttpStatusCode.Accepted, HttpStatusCode.Accepted], await PostBothAsync($"same-{round}", one, one));
            Assert.Equal([HttpStatusCode.Accepted, HttpStatusCode.Conflict], await PostBothAsync($"other-{round}", one, other));
            await host.OrderAsync($"other-{round}", "terminate");
            if (round > 0)
                await host.OrderAsync($"same-{round}", "terminate");
        }
        await host.WaitAsync("same-0", "completed");
        Assert.Single((await EventsAsync("same-0")).OfType<RunStarted>());
        await ReplaysAsync("same-0");
    }

    [Fact]
    public async Task Five_runs_at_once_all_complete_and_their_logs_replay()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        string[] runs = [.. Enumerable.Range(1, 5).Select(number => $"five-{number}")];
        await Task.WhenAll(runs.Select(
            run => host.PostAsync(Samples.Spec(extra: $"seed: {run[^1]}\nkeep: {(run[^1] % 2 == 0 ? "best" : "all")}"), run)));
        foreach (string run in runs)
        {
            await host.WaitAsync(run, "completed");
            await ReplaysAsync(run);
        }
    }

    [Fact]
    public async Task A_suspended_run_decides_nothing_until_it_is_resumed()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        await host.PostAsync(Samples.Spec(extra: "seed: 11"), "paused");
        await host.WaitForEventsAsync("paused", 5);
        await host.OrderAsync("paused", "suspend?reason=lunch");
        await host.WaitAsync("paused", "suspended");

        await host.OrderAsync("paused", "resume");
        await host.WaitAsync("paused", "completed");
        Assert.Equal("lunch", Assert.Single((await EventsAsync("paused")).OfType<RunSuspended>()).Reason);
        Assert.Single((await EventsAsync("paused")).OfType<RunResumed>());
        await ReplaysAsync("paused");
    }

    [Fact]
    public async Task A_suspended_run_whose_model_was_replaced_is_not_resumed()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        TemporaryFolder.Copy(Path.Combine(Samples.Family, "sort"), Path.Combine(host.Models, "other"));
        await host.PostAsync(Samples.Spec(extra: "seed: 18").Replace(
            $"{Samples.Family}/sort\n", $"{host.Models}/other\n", StringComparison.Ordinal), "changed");
        await host.WaitForEventsAsync("changed", 5);
        await host.OrderAsync("changed", "suspend");
        await host.WaitAsync("changed", "suspended");

        File.Copy(Path.Combine(Samples.Family, "max",
            "model.safetensors"), Path.Combine(host.Models, "other", "model.safetensors"), overwrite: true);
        using HttpResponseMessage answer = await host.Client.PostAsync(
            "/api/runs/changed/resume", null, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Conflict, answer.StatusCode);
        Assert.Equal("models.sort",
            (string?)JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["field"]);
        await host.WaitAsync("changed", "suspended");
        await host.OrderAsync("changed", "terminate");
        await host.WaitAsync("changed", "terminated");
    }

    [Fact]
    public async Task A_terminated_run_ends_with_what_it_has_and_its_log_replays()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        await host.PostAsync(Samples.Spec(extra: "seed: 12"), "ended");
        await host.WaitForEventsAsync("ended", 5);
        await host.OrderAsync("ended", "terminate");
        await host.WaitAsync("ended", "terminated");
        Assert.Equal(StopReason.Told, Assert.IsType<RunCompleted>((await EventsAsync("ended"))[^1]).Reason);
        await ReplaysAsync("ended");
    }

    [Fact]
    public async Task After_the_orchestrations_history_is_purged_the_log_still_replays()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        await host.PostAsync(Samples.Spec(extra: "seed: 13"), "purged");
        await host.WaitAsync("purged", "completed");
        using HttpResponseMessage answer = await host.Client.DeleteAsync(
            "/api/runs/purged/history", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        await ReplaysAsync("purged");
        await host.WaitAsync("purged", "completed");
    }

    [Fact]
    public async Task After_host_and_worker_are_killed_the_run_finishes_and_nothing_finished_is_computed_again()
    {
        Assert.SkipWhen(FunctionsHost.Missing is not null, FunctionsHost.Missing ?? "");
        await host.PostAsync(Samples.Spec(extra: "seed: 14"), "killed");
        await host.WaitForEventsAsync("killed", 14);
        await host.KillAsync();
        Dictionary<string, string> made = Made();
        string[] before = await host.LogAsync("killed");
        Assert.DoesNotContain("pedigree.run.completed", before[^1]);

        await host.StartAsync();
        await host.WaitAsync("killed", "completed");
        Assert.Equal(before, (await host.LogAsync("killed")).Take(before.Length));
        Assert.Equal(made, Made().Where(each => made.ContainsKey(each.Key)).ToDictionary());
        await ReplaysAsync("killed");
    }

    private async Task<IEnumerable<HttpStatusCode>> PostBothAsync(string run, params string[] specs)
    {
        HttpResponseMessage[] answers = await Task.WhenAll(specs.Select(spec => host.Client.PostAsync(
            $"/api/runs?run={run}",
            new StringContent(spec, Encoding.UTF8, "application/yaml"),
            TestContext.Current.CancellationToken)));
        foreach (HttpResponseMessage answer in answers.Where(answer => (int)answer.StatusCode >= 500))
            Assert.Fail(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        return answers.Select(answer => answer.StatusCode).Order();
    }

    private async Task ReplaysAsync(string run)
    {
        using HttpResponseMessage answer = await host.Client.PostAsync(
            $"/api/runs/{run}/replay", null, TestContext.Current.CancellationToken);
        JsonNode result = JsonNode.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.True((bool?)result["identical"] == true, result.ToJsonString());
    }

    /// <summary>All files of children and all scores of the store, and what changes when one is written again.</summary>
    private Dictionary<string, string> Made() => new[] { "checkpoints/", "scores/" }
        .SelectMany(
            folder => host.Store.GetBlobs(BlobTraits.None, BlobStates.None, folder, TestContext.Current.CancellationToken))
        .ToDictionary(blob => blob.Name, blob => blob.Properties.ETag.ToString()!);

    private async Task<IReadOnlyList<RunEvent>> EventsAsync(string run) =>
        [.. (await host.LogAsync(run)).Select(line => JsonNode.Parse(line)!)
            .Select(line => EventJson.FromJson((string)line["type"]!, line["data"]!))];

    private static string Json(RunEvent runEvent) => $"{EventJson.TypeOf(runEvent)} {EventJson.ToJson(runEvent).ToJsonString()}";
}
