using System.Collections.Concurrent;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Pedigree.Functions.Tests;

/// <summary>A collector of OpenTelemetry's traces on 127.0.0.1 (OTLP over HTTP, as protobuf).</summary>
internal sealed class TraceCollector : IAsyncDisposable
{
    private readonly ConcurrentQueue<Span> _spans = new();
    private readonly WebApplication _server;

    private TraceCollector()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.Run(TakeAsync);
    }

    public static async Task<TraceCollector> StartAsync()
    {
        TraceCollector collector = new();
        await collector._server.StartAsync();
        return collector;
    }

    public string Address => _server.Urls.Single();

    /// <summary>The spans of a trace that came so far.</summary>
    public IReadOnlyList<Span> SpansOf(string trace) => [.. _spans.Where(span => span.Trace == trace)];

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        if (context.Request.Path != "/v1/traces")
            return;
        // ExportTraceServiceRequest.resource_spans, ResourceSpans.scope_spans, ScopeSpans.spans.
        foreach (ByteString span in Fields(ByteString.CopyFrom(body.ToArray()), 1).SelectMany(resource => Fields(resource, 2))
            .SelectMany(scope => Fields(scope, 2)))
            _spans.Enqueue(new(Hex(span, 1), Hex(span, 2), Hex(span, 4), Fields(span, 5).Single().ToStringUtf8()));
    }

    private static string Hex(ByteString message, int field) =>
        Convert.ToHexStringLower(Fields(message, field).FirstOrDefault(ByteString.Empty).Span);

    private static IEnumerable<ByteString> Fields(ByteString message, int field)
    {
        using CodedInputStream input = message.CreateCodedInput();
        while (input.ReadTag() is not 0 and var tag)
        {
            if (tag == WireFormat.MakeTag(field, WireFormat.WireType.LengthDelimited))
                yield return input.ReadBytes();
            else
                input.SkipLastField();
        }
    }
}

/// <summary>A span.</summary>
/// <param name="Parent">Empty for the first of a trace.</param>
internal sealed record Span(string Trace, string Id, string Parent, string Name);
