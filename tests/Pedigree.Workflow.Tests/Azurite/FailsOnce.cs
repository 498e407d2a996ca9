using System.Collections.Concurrent;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Pedigree.Workflow.Tests.Azurite;

/// <summary>
/// A transport that fails every call once: by chance either before it is sent, or after the service has done it, so that
/// nobody knows whether it did.
/// </summary>
internal sealed class FailsOnce(int seed) : HttpPipelineTransport
{
    private readonly HttpClientTransport _real = new();
    private readonly Random _random = new(seed);
    // A call keeps its id when it is tried again.
    private readonly ConcurrentDictionary<string, bool> _seen = new();
    private int _unsent, _unanswered, _appendsUnanswered;

    public int Unsent => _unsent;

    public int Unanswered => _unanswered;

    /// <summary>How many appends were done without anybody knowing.</summary>
    public int AppendsUnanswered => _appendsUnanswered;

    public override Request CreateRequest() => _real.CreateRequest();

    public override void Process(HttpMessage message) => ProcessAsync(message).AsTask().GetAwaiter().GetResult();

    public override async ValueTask ProcessAsync(HttpMessage message)
    {
        bool fails = _seen.TryAdd(message.Request.ClientRequestId, true);
        if (fails && Chance())
        {
            Interlocked.Increment(ref _unsent);
            throw new IOException("the call was not sent");
        }
        await _real.ProcessAsync(message);
        if (!fails)
            return;
        Interlocked.Increment(ref _unanswered);
        if (message.Request.Uri.Query.Contains("comp=appendblock", StringComparison.Ordinal))
            Interlocked.Increment(ref _appendsUnanswered);
        message.Response.Dispose();
        throw new IOException("the answer was lost");
    }

    private bool Chance()
    {
        lock (_random)
            return _random.Next(2) == 0;
    }
}
