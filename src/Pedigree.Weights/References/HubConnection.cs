using System.Net;
using System.Net.Http.Headers;
using Polly;
using Polly.Retry;

namespace Pedigree.Weights.References;

/// <summary>Requests to the hub: the token goes to the hub alone, redirects are followed, what may pass is tried again.</summary>
/// <param name="settings">Where the hub is.</param>
/// <param name="isNeeded">
/// Whether nothing can be done without it: otherwise one that cannot be reached is not waited for, and one
/// that is busy not for long.
/// </param>
internal sealed class HubConnection(HubSettings settings, bool isNeeded) : IDisposable
{
    private const int MostRedirects = 5;

    // Whoever is told to wait longer shall know it.
    private readonly TimeSpan _longestAsked = isNeeded ? TimeSpan.FromMinutes(10) : settings.LongestWait;

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(10),
    })
    {
        Timeout = TimeSpan.FromSeconds(100),
        DefaultRequestHeaders = { UserAgent = { new ProductInfoHeaderValue("pedigree", "0.1") } },
    };

    private readonly AuthenticationHeaderValue? _authorization = settings.Token is not { } token ? null
        : token.All(sign => sign is > ' ' and <= '~') ? new("Bearer", token)
        : throw new BadInputException("HF_TOKEN", null, "is no token of the hub: these are of ASCII letters, digits and signs");

    private readonly ResiliencePipeline _retries = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
    {
        MaxRetryAttempts = isNeeded ? 6 : 2,
        BackoffType = DelayBackoffType.Exponential,
        UseJitter = true,
        Delay = TimeSpan.FromTicks(Math.Min(settings.LongestWait.Ticks, TimeSpan.TicksPerSecond)),
        MaxDelay = settings.LongestWait,
        ShouldHandle = !isNeeded ? new PredicateBuilder().Handle<PassingException>()
            : new PredicateBuilder()
                .Handle<PassingException>()
                .Handle<HttpRequestException>()
                .Handle<HttpIOException>()
                .Handle<IOException>()
                .Handle<TaskCanceledException>(error => error.InnerException is TimeoutException),
        DelayGenerator = arguments => ValueTask.FromResult((arguments.Outcome.Exception as PassingException)?.RetryAfter),
    }).Build();

    /// <summary>Does something that may be done again after it failed in passing.</summary>
    /// <exception cref="BadInputException">The hub refuses.</exception>
    /// <exception cref="UnavailableException">The hub cannot be reached, or fails, however often it is asked.</exception>
    public async Task<T> DoAsync<T>(string what, Func<CancellationToken, Task<T>> action, CancellationToken cancellation)
    {
        try
        {
            return await _retries.ExecuteAsync(async token => await action(token), cancellation);
        }
        catch (Exception error)
            when (error is PassingException or HttpRequestException or HttpIOException or TaskCanceledException
                && !cancellation.IsCancellationRequested)
        {
            throw new UnavailableException(what, null,
                $"could not be fetched from {settings.Endpoint}: {error.Message}; the same command again goes on from there");
        }
    }

    /// <summary>
    /// Sends a request and follows redirects. <paramref name="first"/> sees each response on the way to the last one, whose
    /// headers tell of the file and not of where its bytes lie.
    /// </summary>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        Uri address,
        string what,
        Action<HttpResponseMessage>? first,
        RangeHeaderValue? range,
        CancellationToken cancellation)
    {
        for (var redirects = 0; redirects <= MostRedirects; redirects++)
        {
            using HttpRequestMessage request = new(method, address);
            request.Headers.Range = range;
            if (_authorization is not null && MayHaveToken(address))
                request.Headers.Authorization = _authorization;
            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
            if ((int)response.StatusCode is >= 300 and < 400 && response.Headers.Location is { } location)
            {
                first?.Invoke(response);
                response.Dispose();
                address = new(address, location);
                if (address.Scheme is not ("http" or "https"))
                    throw new BadInputException(what, null,
                        $"is redirected to {address.Scheme}, which is not followed; HF_ENDPOINT may be wrong");
                continue;
            }
            if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                first?.Invoke(response);
                return response;
            }
            using (response)
                throw Refused(response, what);
        }
        throw new BadInputException(what, null, $"is redirected more than {MostRedirects} times; HF_ENDPOINT may be wrong");
    }

    public void Dispose() => _http.Dispose();

    // It goes to the hub alone, and in the clear to nobody but this machine.
    private bool MayHaveToken(Uri address) => (address.Scheme == Uri.UriSchemeHttps || address.IsLoopback)
        && address.GetLeftPart(UriPartial.Authority) == settings.Endpoint.GetLeftPart(UriPartial.Authority);

    private Exception Refused(HttpResponseMessage response, string what)
    {
        var status = (int)response.StatusCode;
        return status switch
        {
            401 or 403 => new BadInputException(what, null, settings.Token is null
                ? $"is refused by {settings.Endpoint} ({status}): there is no such model, "
                    + "or it is private or gated; set HF_TOKEN to a token that may read it"
                : $"is refused by {settings.Endpoint} ({status}) for the token in HF_TOKEN; "
                    + "ask for access on the model's page, or set another"),
            404 => new BadInputException(what, null,
                $"is not on {settings.Endpoint}; name an id and revision that exist and are whole"),
            408 or 429 or >= 500 when RetryAfter.Of(response) is { } wait && wait > _longestAsked =>
                new UnavailableException(what, null,
                    $"is refused by {settings.Endpoint} ({status} {response.ReasonPhrase}) for the next "
                    + $"{wait.TotalMinutes:0} minutes; the same command then goes on from there"),
            408 or 429 or >= 500 => new PassingException($"{status} {response.ReasonPhrase}", RetryAfter.Of(response)),
            _ => new BadInputException(what, null, $"is refused by {settings.Endpoint} ({status} {response.ReasonPhrase})"),
        };
    }

    /// <summary>What may pass when it is tried again.</summary>
    private sealed class PassingException(string message, TimeSpan? retryAfter) : Exception(message)
    {
        public TimeSpan? RetryAfter { get; } = retryAfter;
    }
}
