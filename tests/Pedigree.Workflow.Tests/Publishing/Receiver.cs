using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Pedigree.Workflow.Tests.Publishing;

/// <summary>A server on 127.0.0.1 that takes events, with the troubles that a test asks for.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    public const int Cut = 0;
    public const int NoAnswer = -1;

    private readonly ConcurrentQueue<string> _accepted = new();
    private readonly CancellationTokenSource _end = new();
    private readonly WebApplication _server;
    private int _asked;
    private int _posted;

    private Receiver()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.Run(context => context.Request.Method == "OPTIONS" ? AllowAsync(context) : TakeAsync(context));
    }

    public static async Task<Receiver> StartAsync()
    {
        Receiver receiver = new();
        await receiver._server.StartAsync();
        return receiver;
    }

    public string Address => $"{_server.Urls.Single()}/events";

    /// <summary>Ids of the events it accepted, in the order in which they came.</summary>
    public IReadOnlyList<string> Accepted => [.. _accepted];

    /// <summary>Attempts to post, accepted or not.</summary>
    public int Posted => _posted;

    /// <summary>Questions whether it wants events.</summary>
    public int Asked => _asked;

    /// <summary>
    /// The status with which it answers an attempt, counted from 1; or <see cref="Cut"/> or <see cref="NoAnswer"/>.
    /// </summary>
    public Func<int, int> Answer { get; set; } = _ => StatusCodes.Status200OK;

    /// <summary>Value of Retry-After, where it does not accept.</summary>
    public string? RetryAfter { get; set; }

    /// <summary>Told how often it was asked whether it wants events.</summary>
    public Action<int> Questioned { get; set; } = _ => { };

    /// <summary>Origin it allows; null where it does not know the question.</summary>
    public string? AllowedOrigin { get; set; } = "*";

    /// <summary>Looks at what it accepts.</summary>
    public Action<HttpRequest, byte[]> Sees { get; set; } = (_, _) => { };

    /// <summary>Done once someone has posted.</summary>
    public TaskCompletionSource FirstPost { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _server.DisposeAsync();
        _end.Dispose();
    }

    private Task AllowAsync(HttpContext context)
    {
        Questioned(Interlocked.Increment(ref _asked));
        context.Response.StatusCode = context.Request.Headers["WebHook-Request-Origin"].Count == 0 ? 400
            : AllowedOrigin is null ? 405
            : 200;
        if (AllowedOrigin is not null)
            context.Response.Headers["WebHook-Allowed-Origin"] = AllowedOrigin;
        return Task.CompletedTask;
    }

    private async Task TakeAsync(HttpContext context)
    {
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        int answer = Answer(Interlocked.Increment(ref _posted));
        FirstPost.TrySetResult();
        switch (answer)
        {
            case NoAnswer:
                await Task.Delay(Timeout.Infinite, _end.Token);
                break;
            case Cut:
                context.Abort();
                break;
            case StatusCodes.Status200OK:
                Sees(context.Request, body.ToArray());
                _accepted.Enqueue((string)JsonNode.Parse(body.ToArray())!["id"]!);
                break;
            default:
                context.Response.StatusCode = answer;
                context.Response.Headers.RetryAfter = RetryAfter;
                break;
        }
    }
}
