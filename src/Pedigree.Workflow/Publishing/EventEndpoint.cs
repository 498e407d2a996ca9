using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Azure.Core;
using Azure.Identity;
using Polly;
using Polly.Retry;

namespace Pedigree.Workflow.Publishing;

/// <summary>
/// Posts events to a webhook (HTTP 1.1 Web Hooks for Event Delivery 1.0.1, a companion of CloudEvents 1.0) or a topic of Azure
/// Event Grid, in structured content mode, each until it is accepted.
/// </summary>
internal sealed class EventEndpoint : IDisposable
{
    private const string CloudEvent = "application/cloudevents+json; charset=utf-8";
    private static readonly string[] TopicScope = ["https://eventgrid.azure.net/.default"];

    private readonly EventTarget _target;
    private readonly Uri _address;
    private readonly TokenCredential? _identity;
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false })
    {
        Timeout = TimeSpan.FromSeconds(30),
        DefaultRequestHeaders = { UserAgent = { new ProductInfoHeaderValue("pedigree", "0.1") } },
    };

    private readonly ResiliencePipeline _retries;
    private bool _allowed;

    public EventEndpoint(EventTarget target)
    {
        (_target, _address, _allowed) = (target, target.Address, target.IsTopic);
        if (target.IsTopic && _address.Query.Length == 0)
            _address = new($"{_address.GetLeftPart(UriPartial.Path)}?api-version=2018-01-01");
        if (target.IsTopic && target.Key is null)
            _identity = new DefaultAzureCredential();
        _retries = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = int.MaxValue,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromSeconds(0.2),
            MaxDelay = TimeSpan.FromSeconds(10), // shorter than the grace at a run's end, so that there is a last attempt in it
            // Everything but a receiver that is gone for good: a wrong key or address may be mended while a run goes on for days.
            ShouldHandle = new PredicateBuilder()
                .Handle<UndeliveredException>(error => !error.IsFinal)
                .Handle<HttpRequestException>()
                .Handle<IOException>()
                .Handle<AuthenticationFailedException>()
                .Handle<TaskCanceledException>(error => error.InnerException is TimeoutException),
            DelayGenerator = arguments => ValueTask.FromResult((arguments.Outcome.Exception as UndeliveredException)?.RetryAfter),
            OnRetry = arguments =>
            {
                Trouble = arguments.Outcome.Exception!.Message;
                return default;
            },
        }).Build();
    }

    /// <summary>Why the last attempt failed; null where it did not.</summary>
    public string? Trouble { get; private set; }

    /// <summary>Posts an event, until it is accepted.</summary>
    /// <exception cref="UndeliveredException">The receiver wants no more events.</exception>
    public async Task PostAsync(string cloudEvent, CancellationToken cancellation)
    {
        await _retries.ExecuteAsync(async token =>
        {
            if (!_allowed)
                await AskToDeliverAsync(token);
            _allowed = true;
            using HttpRequestMessage request = new(HttpMethod.Post, _address)
            {
                Content = new StringContent(cloudEvent, Encoding.UTF8),
            };
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(CloudEvent);
            using HttpResponseMessage response = await SendAsync(request, token);
            if (!response.IsSuccessStatusCode)
                throw Refused(response);
        }, cancellation);
        Trouble = null;
    }

    public void Dispose() => _http.Dispose();

    /// <summary>
    /// Asks a webhook whether it wants events from here, so that nobody is flooded who does not. One that does not know the
    /// question (404, 405, 501) gets them all the same: a person has named it.
    /// </summary>
    private async Task AskToDeliverAsync(CancellationToken cancellation)
    {
        using HttpRequestMessage request = new(HttpMethod.Options, _address);
        string origin = Dns.GetHostName();
        request.Headers.Add("WebHook-Request-Origin", origin);
        using HttpResponseMessage response = await SendAsync(request, cancellation);
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented)
            return;
        if (!response.IsSuccessStatusCode)
            throw Refused(response);
        if (!response.Headers.TryGetValues("WebHook-Allowed-Origin", out IEnumerable<string>? allowed)
            || !allowed.Any(value => value == "*" || value.Equals(origin, StringComparison.OrdinalIgnoreCase)))
            throw new UndeliveredException($"it answers OPTIONS without WebHook-Allowed-Origin: {origin}");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        if (_identity is not null)
            request.Headers.Authorization = new("Bearer", (await _identity.GetTokenAsync(new(TopicScope), cancellation)).Token);
        else if (_target.Key is not null)
            request.Headers.TryAddWithoutValidation(_target.IsTopic ? "aeg-sas-key" : "Authorization", _target.Key);
        return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    private static UndeliveredException Refused(HttpResponseMessage response) =>
        new($"it answers {(int)response.StatusCode} {response.ReasonPhrase}")
        {
            IsFinal = response.StatusCode == HttpStatusCode.Gone,
            RetryAfter = Weights.References.RetryAfter.Of(response),
        };
}

/// <summary>An event was not accepted.</summary>
internal sealed class UndeliveredException(string message) : Exception(message)
{
    /// <summary>Whether the receiver wants none any more.</summary>
    public bool IsFinal { get; init; }

    /// <summary>How long it asks to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
