using System.Text;
using System.Text.Json.Nodes;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Publishing;

namespace Pedigree.Workflow.Tests.Publishing;

public sealed class EventPublisherTests(FinishedRun finished) : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private Receiver _receiver = null!;

    private EventTarget Target => EventTarget.Webhook(_receiver.Address);

    private StoredRun Run => new(Store.Open(_folder["store"]), "small");

    private string Cursor => Path.Combine(_folder["store"], "runs", "small", "published");

    public async ValueTask InitializeAsync() => _receiver = await Receiver.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _receiver.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Every_line_of_the_log_is_posted_as_it_stands_in_order_as_a_cloud_event()
    {
        List<string> bodies = [];
        _receiver.Sees = (request, body) =>
        {
            CloudEvent read = new JsonEventFormatter().DecodeStructuredModeMessage(body, new(request.ContentType!),
                [CloudEventAttribute.CreateExtension("previous", CloudEventAttributeType.String)]);
            Assert.True(read.IsValid);
            Assert.StartsWith("application/cloudevents+json", request.ContentType, StringComparison.Ordinal);
            bodies.Add(Encoding.UTF8.GetString(body));
        };
        string[] lines = Log();
        Delivery delivery = await EventPublisher.DeliverAsync(Run, Target, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(lines, bodies);
        Assert.Equal((lines.Length, 0, null), (delivery.Delivered, delivery.Undelivered, delivery.Failure));
        Assert.Equal(1, _receiver.Asked);
    }

    [Theory]
    [InlineData(500, null)]
    [InlineData(429, "0")]
    [InlineData(401, null)]
    [InlineData(307, null)]
    [InlineData(Receiver.Cut, null)]
    public async Task A_receiver_that_fails_at_every_tenth_attempt_gets_every_event_in_order(int failure, string? retryAfter)
    {
        _receiver.RetryAfter = retryAfter;
        _receiver.Answer = attempt => attempt % 10 == 3 ? failure : 200;
        string[] ids = Ids(Log());
        Delivery delivery = await EventPublisher.DeliverAsync(
            Run, Target, TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
        Assert.Null(delivery.Warning);
        Assert.Equal(ids, _receiver.Accepted);
        Assert.True(_receiver.Posted > ids.Length);
    }

    [Fact]
    public async Task What_was_published_is_not_published_again_and_the_rest_is_when_the_receiver_is_back()
    {
        string[] ids = Ids(Log());
        using CancellationTokenSource enough = new();
        _receiver.Answer = attempt =>
        {
            if (attempt <= 5)
                return 200;
            enough.Cancel();
            return 503;
        };
        Delivery first = await EventPublisher.DeliverAsync(Run, Target, TimeSpan.FromMinutes(2), enough.Token);
        Assert.Equal((5, ids.Length - 5), (first.Delivered, first.Undelivered));
        Assert.Contains($"{ids.Length - 5} events not delivered to {_receiver.Address}", first.Warning);
        Assert.Equal("5\n", File.ReadAllText(Cursor));

        _receiver.Answer = _ => 200;
        Delivery second = await EventPublisher.DeliverAsync(Run, Target, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((ids.Length - 5, 0), (second.Delivered, second.Undelivered));
        Assert.Equal(ids, _receiver.Accepted);

        int posted = _receiver.Posted;
        Assert.Equal(
            0, (await EventPublisher.DeliverAsync(Run, Target, cancellation: TestContext.Current.CancellationToken)).Delivered);
        Assert.Equal(posted, _receiver.Posted);
    }

    [Fact]
    public async Task Events_are_published_while_the_run_goes_on()
    {
        TemporaryFolder.Copy(finished.Store, _folder["store"]);
        IStore store = Store.Open(_folder["store"]);
        // Holds the run in its middle until its first event has arrived.
        SynchronousProgress wait = new(news =>
        {
            if (news is EventProgress { Event: MergeCompleted })
                Assert.True(_receiver.FirstPost.Task.Wait(TimeSpan.FromMinutes(1)));
        });
        Delivery? delivery = null;
        await EventPublisher.BesideAsync(new(store, "second"),
            Target, () => EmbeddedHost.RunAsync(finished.Spec, store, "second", wait), told => delivery = told);
        Assert.Null(delivery!.Warning);
        Assert.Equal(Ids(File.ReadAllLines(new StoredRun(store, "second").LogAddress)), _receiver.Accepted);
    }

    [Fact]
    public async Task A_receiver_that_never_answers_neither_stops_the_run_nor_changes_it_and_it_is_said_what_is_left()
    {
        TemporaryFolder.Copy(finished.Store, _folder["store"]);
        IStore store = Store.Open(_folder["store"]);
        _receiver.Answer = _ => Receiver.NoAnswer;
        SynchronousProgress wait = new(news =>
        {
            if (news is EventProgress { Event: MergeCompleted })
                Assert.True(_receiver.FirstPost.Task.Wait(TimeSpan.FromMinutes(1)));
        });
        Delivery? delivery = null;
        RunRecord run = await EventPublisher.BesideAsync(
            new(store, "second"),
            Target,
            () => EmbeddedHost.RunAsync(finished.Spec, store, "second", wait),
            told => delivery = told,
            TimeSpan.Zero);
        Assert.Equal(EmbeddedHostTests.Decisions(finished.Run), EmbeddedHostTests.Decisions(run));
        Assert.Equal((0, run.Events.Count), (delivery!.Delivered, delivery.Undelivered));
        Assert.Empty(_receiver.Accepted);
    }

    [Fact]
    public async Task A_run_that_is_refused_leaves_no_trace_and_publishes_nothing()
    {
        SpecFile spec = Samples.Write(
            _folder["spec.yaml"], Samples.Spec().Replace("family/sort", "family/nothing", StringComparison.Ordinal));
        Delivery? delivery = null;
        await Assert.ThrowsAsync<BadInputException>(() => EventPublisher.BesideAsync(
            Run, Target, () => EmbeddedHost.RunAsync(spec, Run.Store, "small"), told => delivery = told));
        Assert.Equal((0, 0, null), (delivery!.Delivered, delivery.Undelivered, delivery.Failure));
        Assert.False(Directory.Exists(_folder["store"]));
    }

    [Fact]
    public async Task A_receiver_that_is_gone_is_not_asked_again()
    {
        Log();
        _receiver.Answer = _ => 410;
        Delivery delivery = await EventPublisher.DeliverAsync(
            Run, Target, TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
        Assert.Contains("410", delivery.Failure);
        Assert.Equal(1, _receiver.Posted);
    }

    [Fact]
    public async Task A_webhook_that_allows_another_origin_gets_nothing()
    {
        Log();
        _receiver.AllowedOrigin = "someone.else";
        using CancellationTokenSource enough = new();
        _receiver.Questioned = times =>
        {
            if (times == 2)
                enough.Cancel();
        };
        Delivery delivery = await EventPublisher.DeliverAsync(Run, Target, TimeSpan.FromMinutes(2), enough.Token);
        Assert.Contains("WebHook-Allowed-Origin", delivery.Failure);
        Assert.Equal(0, _receiver.Posted);
        Assert.Equal(2, _receiver.Asked);
    }

    [Fact]
    public async Task A_webhook_that_does_not_know_the_question_gets_its_events_and_its_authorization()
    {
        string[] ids = Ids(Log());
        _receiver.AllowedOrigin = null;
        List<string?> shown = [];
        _receiver.Sees = (request, _) => shown.Add(request.Headers["Authorization"]);
        await EventPublisher.DeliverAsync(
            Run, EventTarget.Webhook(_receiver.Address, "Bearer secret"), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(ids, _receiver.Accepted);
        Assert.All(shown, header => Assert.Equal("Bearer secret", header));
    }

    [Fact]
    public async Task A_topic_gets_its_key_and_is_not_asked()
    {
        string[] ids = Ids(Log());
        List<(string? Key, string? Authorization, string? Version)> shown = [];
        _receiver.Sees = (request, _) =>
            shown.Add((request.Headers["aeg-sas-key"], request.Headers.Authorization, request.Query["api-version"]));
        // Event Grid takes https alone, and so does the target; on this machine the protocol can be seen without.
        await EventPublisher.DeliverAsync(
            Run, EventTarget.Topic(_receiver.Address, "a key"), cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(ids, _receiver.Accepted);
        Assert.Equal(0, _receiver.Asked);
        Assert.All(shown, request => Assert.Equal(("a key", null, "2018-01-01"), request));
    }

    [Theory]
    [InlineData("many\n")]
    [InlineData("-1\n")]
    [InlineData("100000\n")]
    public async Task A_count_that_cannot_be_is_named_and_nothing_is_posted(string count)
    {
        Log();
        File.WriteAllText(Cursor, count);
        Delivery delivery = await EventPublisher.DeliverAsync(Run, Target, cancellation: TestContext.Current.CancellationToken);
        // Whoever has a count beyond the log has nothing left to count, but is told all the same.
        Assert.Contains(Cursor, delivery.Failure);
        Assert.Equal(0, _receiver.Posted);
    }

    [Theory]
    [InlineData("nowhere")]
    [InlineData("ftp://example.com/events")]
    [InlineData("http://example.com/events")]
    public void An_address_that_is_none_or_would_show_the_key_is_refused(string address)
    {
        BadInputException error = Assert.Throws<BadInputException>(() => EventTarget.Webhook(address, "Bearer secret"));
        Assert.DoesNotContain("secret", error.Message);
    }

    [Fact]
    public void The_name_of_a_target_holds_no_secret() =>
        Assert.Equal("https://example.com/events", EventTarget.Webhook("https://user:word@example.com/events?code=secret").Name);

    /// <summary>Lines of the log of a finished run in this test's store.</summary>
    private string[] Log()
    {
        TemporaryFolder.Copy(finished.Store, _folder["store"]);
        return File.ReadAllLines(Run.LogAddress);
    }

    private static string[] Ids(string[] lines) => [.. lines.Select(line => (string)JsonNode.Parse(line)!["id"]!)];
}
