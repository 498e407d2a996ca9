using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Evaluation.Tests;

/// <summary>
/// A server on this machine that speaks OpenAI's completions and computes with real models, which it knows by their folders.
/// </summary>
internal sealed class CompletionsServer : IDisposable
{
    private readonly HttpListener _listener;
    private readonly Dictionary<string, (LanguageModel Model, ITextTokenizer Tokenizer)> _models = [];
    private readonly Task _serving;
    private int _asked;

    public CompletionsServer()
    {
        (_listener, Url) = Listen();
        Answer = Complete;
        _serving = Task.Run(ServeAsync);
    }

    public Uri Url { get; }

    /// <summary>What it answers to a request; null for the status 500.</summary>
    public Func<JsonObject, string?> Answer { get; set; }

    /// <summary>How many completions it was asked for.</summary>
    public int Asked => _asked;

    public void Dispose()
    {
        _listener.Stop();
        _serving.GetAwaiter().GetResult();
        foreach (var (model, _) in _models.Values)
            model.Dispose();
    }

    /// <summary>The right answer: what the model writes, or its log-probabilities of the prompt.</summary>
    public string Complete(JsonObject request)
    {
        var (model, tokenizer) = Find((string)request["model"]!);
        int[] prompt = [.. request["prompt"]!.AsArray().Select(token => (int)token!)];
        if (request["echo"] is null)
        {
            var written = model.Generate(
                [prompt], (int)request["max_tokens"]!, (_, tokens) => tokenizer.EndIds.Contains(tokens[^1]))[0];
            var text = request["stop"]!.AsArray().Aggregate(
                tokenizer.Decode([.. written.TakeWhile(token => !tokenizer.EndIds.Contains(token))]),
                (left, stop) => left.Split((string)stop!)[0]);
            return new JsonObject { ["choices"] = new JsonArray(new JsonObject { ["text"] = text }) }.ToJsonString();
        }
        var (tokens, values, tops) = (new JsonArray("first"), new JsonArray((JsonNode?)null), new JsonArray((JsonNode?)null));
        for (var place = 1; place < prompt.Length; place++)
        {
            var score = model.Score([new ScoreRequest(prompt[..(place + 1)], 1)])[0];
            tokens.Add($"t{prompt[place]}");
            values.Add(score.Sum);
            tops.Add(new JsonObject { [score.IsGreedy ? $"t{prompt[place]}" : "other"] = score.Sum });
        }
        return new JsonObject
        {
            ["choices"] = new JsonArray(new JsonObject
            {
                ["logprobs"] = new JsonObject { ["tokens"] = tokens, ["token_logprobs"] = values, ["top_logprobs"] = tops },
            }),
        }.ToJsonString();
    }

    /// <summary>On a free port; one that another process takes before it is ours is left to it.</summary>
    private static (HttpListener, Uri) Listen()
    {
        while (true)
        {
            using var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            var address = $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}/";
            probe.Stop();
            HttpListener listener = new() { Prefixes = { address } };
            try
            {
                listener.Start();
                return (listener, new($"{address}v1"));
            }
            catch (HttpListenerException)
            {
                listener.Close();
            }
        }
    }

    private (LanguageModel Model, ITextTokenizer Tokenizer) Find(string folder)
    {
        if (!_models.TryGetValue(folder, out var found))
        {
            using var checkpoint = Checkpoint.Open(folder);
            _models[folder] = found = (LanguageModel.Load(checkpoint, "cpu"), TokenizerLoader.Open(folder));
        }
        return found;
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                var text = context.Request.Url!.AbsolutePath switch
                {
                    "/version" => """{"version": "0.0.1"}""",
                    "/v1/completions" => await AnswerAsync(context.Request.InputStream),
                    _ => null,
                };
                context.Response.StatusCode = text is null ? 500 : 200;
                context.Response.Close(Encoding.UTF8.GetBytes(text ?? "no"), willBlock: false);
            }
            catch (Exception error) when (error is HttpListenerException or InvalidOperationException or IOException)
            {
                // Stopped, or the client went away.
            }
        }
    }

    private async Task<string?> AnswerAsync(Stream body)
    {
        Interlocked.Increment(ref _asked);
        return Answer((JsonObject)(await JsonNode.ParseAsync(body))!);
    }
}
