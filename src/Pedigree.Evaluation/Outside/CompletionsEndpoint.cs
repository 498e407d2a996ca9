using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Models;

namespace Pedigree.Evaluation.Outside;

/// <summary>Where a model is served.</summary>
/// <param name="Url">Base address, to which /completions is added: http://127.0.0.1:8000/v1.</param>
/// <param name="Model">The name by which it is served.</param>
/// <param name="ContextLength">The most tokens that it reads.</param>
/// <param name="Timeout">How long one request may take.</param>
public sealed record EndpointSettings(Uri Url, string Model, int ContextLength, TimeSpan Timeout)
{
    /// <summary>How often a request is tried.</summary>
    public int Attempts { get; init; } = 3;

    /// <summary>Requests under way at once.</summary>
    public int Concurrency { get; init; } = 4;
}

/// <summary>
/// A model behind an OpenAI-compatible completions endpoint (vLLM, llama.cpp): prompts are token ids; to score, the prompt is
/// echoed with its log-probabilities.
/// </summary>
internal sealed class CompletionsEndpoint(EndpointSettings settings, CancellationToken cancellation)
    : IEvaluatedModel, IDisposable
{
    private readonly HttpClient _client = new() { Timeout = settings.Timeout, MaxResponseContentBufferSize = MostBytes };

    /// <summary>An answer holds some numbers and texts a token; what is longer than this is none.</summary>
    internal const int MostBytes = 1 << 26;

    public int ContextLength => settings.ContextLength;

    public int TokensAtOnce(int length, long? memory) => int.MaxValue;

    public IReadOnlyList<TokenScores> ScoreGroups(IReadOnlyList<IReadOnlyList<ScoreRequest>> groups) =>
        All([.. groups.SelectMany(group => group)], ScoreAsync);

    public IReadOnlyList<string> Write(IReadOnlyList<int[]> prompts, int most, IReadOnlyList<string> until) =>
        All(prompts, async prompt =>
        {
            var choice = await AskAsync(new JsonObject
            {
                ["model"] = settings.Model,
                ["prompt"] = Ids(prompt),
                ["max_tokens"] = most,
                ["temperature"] = 0,
                // The protocol allows four; the rest are cut here.
                ["stop"] = new JsonArray([.. until.Take(4).Select(stop => (JsonNode)stop)]),
            });
            return LocalModel.Cut(choice["text"]?.GetValue<string>()
                ?? throw new EvaluatorFailedException("its answer has no choices[0].text"), until);
        });

    /// <summary>The server's version as vLLM answers it at /version; null where it does not.</summary>
    public static async Task<string?> VersionAsync(EndpointSettings settings, CancellationToken cancellation)
    {
        using HttpClient client = new() { Timeout = settings.Timeout };
        try
        {
            return (string?)(await client.GetFromJsonAsync<JsonObject>(
                new Uri(settings.Url, "/version"), cancellation))?["version"];
        }
        catch (Exception error) when (error is HttpRequestException or JsonException or InvalidOperationException
            || error is OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    public void Dispose() => _client.Dispose();

    private async Task<TokenScores> ScoreAsync(ScoreRequest request)
    {
        var choice = await AskAsync(new JsonObject
        {
            ["model"] = settings.Model,
            ["prompt"] = Ids(request.Tokens),
            ["max_tokens"] = 1,
            ["temperature"] = 0,
            ["logprobs"] = 1,
            ["echo"] = true,
        });
        if (choice["logprobs"]?["token_logprobs"] is not JsonArray values || values.Count < request.Tokens.Length)
            throw new EvaluatorFailedException(
                $"its answer has no choices[0].logprobs.token_logprobs of {request.Tokens.Length} tokens; "
                + "a server that echoes log-probabilities would be right");
        var places = Enumerable.Range(request.Tokens.Length - request.ContinuationLength, request.ContinuationLength).ToList();
        List<double> scores = [.. places.Select(place => values[place] is JsonValue value
            && value.TryGetValue<double>(out var number)
            && number <= 0
            && double.IsFinite(number)
            ? number
            : throw new EvaluatorFailedException($"its log-probability of a token is {values[place]?.ToJsonString() ?? "null"}; "
                + "a number of at most 0 would be right"))];
        var (tokens, tops) = (choice["logprobs"]!["tokens"] as JsonArray, choice["logprobs"]!["top_logprobs"] as JsonArray);
        var greedy = places.TrueForAll(place => tops?[place] is JsonObject { Count: > 0 } top
            && top.MaxBy(entry => entry.Value!.GetValue<double>()).Key == tokens?[place]?.GetValue<string>());
        return new TokenScores(scores, greedy);
    }

    private T[] All<T, TRequest>(IReadOnlyList<TRequest> requests, Func<TRequest, Task<T>> ask)
    {
        using var free = new SemaphoreSlim(settings.Concurrency);
        return Task.WhenAll(requests.Select(async request =>
        {
            await free.WaitAsync(cancellation);
            try
            {
                return await ask(request);
            }
            finally
            {
                free.Release();
            }
        })).GetAwaiter().GetResult();
    }

    /// <summary>The first choice of the answer; tried again where the server cannot be reached, is busy or fails.</summary>
    private async Task<JsonObject> AskAsync(JsonObject request)
    {
        for (var number = 1; ; number++)
        {
            string failure;
            try
            {
                using var response = await _client.PostAsJsonAsync(
                    $"{settings.Url.ToString().TrimEnd('/')}/completions", request, cancellation);
                var text = await response.Content.ReadAsStringAsync(cancellation);
                if (response.IsSuccessStatusCode)
                {
                    return (JsonNode.Parse(text)?["choices"] as JsonArray)?.FirstOrDefault() as JsonObject
                        ?? throw new EvaluatorFailedException("its answer has no choices[0]");
                }
                failure = $"it answers {(int)response.StatusCode}: {(text.Length > 200 ? text[..200] + "…" : text)}";
            }
            catch (HttpRequestException error)
            {
                failure = error.Message;
            }
            catch (JsonException)
            {
                failure = "its answer is not JSON";
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                failure = $"it did not answer within {settings.Timeout.TotalSeconds:0.###} seconds";
            }
            if (number >= settings.Attempts)
                throw new EvaluatorFailedException($"{settings.Url} failed {number} times: {failure}");
            await Task.Delay(TimeSpan.FromMilliseconds(200 * number), cancellation);
        }
    }

    private static JsonArray Ids(int[] tokens) => [.. tokens.Select(token => (JsonNode)token)];
}
