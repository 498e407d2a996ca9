using System.Collections.Concurrent;
using System.Diagnostics;
using Pedigree.Workflow;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

public sealed class TracingTests
{
    [Fact]
    public async Task The_call_that_begins_a_run_the_run_and_its_activities_are_one_trace()
    {
        ActivityTraceId trace = ActivityTraceId.CreateRandom();
        ConcurrentQueue<Activity> spans = [];
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name is Telemetry.SourceName or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span =>
            {
                if (span.TraceId == trace)
                    spans.Enqueue(span);
            },
        };
        ActivitySource.AddActivityListener(listener);
        using TemporaryFolder folder = new();
        await using TestServer server = await TestServer.StartAsync(folder["store"]);
        server.Client.DefaultRequestHeaders.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        (await server.PostAsync(Samples.Spec(), "traced")).EnsureSuccessStatusCode();
        server.Client.DefaultRequestHeaders.Remove("traceparent");
        await server.WaitAsync("traced", "completed", "failed");
        await server.StopAsync();

        Activity run = Assert.Single(spans, span => span.OperationName == "run");
        Activity call = Assert.Single(spans, span => span.Source.Name == "Microsoft.AspNetCore");
        Assert.Equal(call.SpanId, run.ParentSpanId);
        Assert.Equal("traced", run.GetTagItem("pedigree.run"));
        ILookup<string, Activity> activities = spans.Where(span => span.ParentSpanId == run.SpanId)
            .ToLookup(span => span.OperationName);
        Assert.Equal(["base", "reverse", "shift", "sort"],
            activities["admit"].Select(span => (string)span.GetTagItem("pedigree.model")!).Order(StringComparer.Ordinal));
        Assert.Contains("1-1", activities["merge"].Select(span => span.GetTagItem("pedigree.model")));
        Assert.Contains("1-1", activities["evaluate"].Select(span => span.GetTagItem("pedigree.model")));
        Assert.NotEmpty(activities["measure"]);
    }
}
