using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Outside;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Evaluation.Tests;

/// <summary>A server on this machine that speaks the protocol and computes with a real model.</summary>
public sealed class CompletionsEndpointTests : IDisposable
{
    private readonly TinyFolder folder = new();
    private readonly Checkpoint checkpoint;
    private readonly LanguageModel model;
    private readonly ITextTokenizer tokenizer;
    private readonly HttpListener listener = new();
    private readonly EndpointSettings settings;
    private readonly Task serving;
    private Func<JsonObject, string?> answer;
    private int asked;

    public CompletionsEndpointTests()
    {
        checkpoint = Checkpoint.Open(folder.Checkpoint());
        model = LanguageModel.Load(checkpoint, "cpu");
        tokenizer = TokenizerLoader.Open(folder.Path);
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        listener.Prefixes.Add($"http://127.0.0.1:{port}/");
        listener.Start();
        settings = new(new Uri($"http://127.0.0.1:{port}/v1"), "tiny", model.ContextLength, TimeSpan.FromSeconds(30)) { Attempts = 2 };
        answer = Complete;
        serving = Task.Run(ServeAsync);
        folder.File("rows.jsonl", """{"q": "cat 7", "choices": ["a dog", "bee"], "answer": 1}""" + "\n" + """{"q": "x", "choices": ["horse", "b"], "answer": 0}""");
        folder.File("choice.yaml", "task: choice\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: choices\ndoc_to_target: answer\ndata: rows.jsonl\n");
        folder.File("likely.yaml", "task: likely\noutput_type: loglikelihood\ndoc_to_text: \"\"\ndoc_to_target: q\ndata: rows.jsonl\n");
        folder.File("write.yaml", "task: write\ndoc_to_text: q\ndoc_to_target: q\ndata: rows.jsonl\ngeneration_kwargs: {until: [\"e\", \"7\"], max_gen_toks: 9}\n");
    }

    public void Dispose()
    {
        listener.Stop();
        serving.GetAwaiter().GetResult();
        model.Dispose();
        checkpoint.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void A_model_that_is_served_scores_and_writes_what_it_does_here()
    {
        EvaluationTask[] tasks = [Load("choice"), Load("likely"), Load("write")];
        var (served, here) = (Evaluator.Evaluate(folder.Path, settings, tasks), Evaluator.Evaluate(model, tokenizer, tasks));
        foreach (var (one, other) in served.Tasks.SelectMany(task => task.Items).Zip(here.Tasks.SelectMany(task => task.Items)))
        {
            Assert.Equal(other.Output, one.Output);
            Assert.Equal(other.IsGreedy, one.IsGreedy);
            foreach (var (a, b) in one.LogLikelihoods.Zip(other.LogLikelihoods))
                Assert.Equal(b, a, 1e-4);
        }
        Assert.Equal(here.Tasks.Select(task => task.Primary.Value), served.Tasks.Select(task => task.Primary.Value));
    }

    [Theory]
    [InlineData("hello", "not JSON", 2)]
    [InlineData(null, "answers 500", 2)]
    [InlineData("{\"choices\": []}", "no choices[0]", 1)]
    [InlineData("{\"choices\": [{\"text\": \"a\"}]}", "token_logprobs", 1)]
    [InlineData("{\"choices\": [{\"logprobs\": {\"token_logprobs\": [null, null, null, null, null, null, null, null, null, null, null, null]}}]}", "is null", 1)]
    public void What_a_server_does_wrong_is_a_failure_and_never_a_score(string? text, string said, int times)
    {
        answer = _ => text;
        var one = settings with { Concurrency = 1 };
        Assert.Contains(said, Assert.Throws<EvaluatorFailedException>(() => Evaluator.Evaluate(folder.Path, one, [TaskLoader.Load(folder.Path, "likely.yaml", limit: 1)])).Message);
        Assert.Equal(times, asked);
    }

    [Fact]
    public void A_server_that_does_not_answer_is_given_up()
    {
        answer = _ =>
        {
            Thread.Sleep(600);
            return "{}";
        };
        Assert.Contains("did not answer within 0.2 seconds", Assert.Throws<EvaluatorFailedException>(() => Evaluator.Evaluate(
            folder.Path, settings with { Timeout = TimeSpan.FromSeconds(0.2) }, [TaskLoader.Load(folder.Path, "likely.yaml", limit: 1)])).Message);
    }

    private EvaluationTask Load(string name) => TaskLoader.Load(folder.Path, name + ".yaml");

    private string Complete(JsonObject request)
    {
        int[] prompt = [.. request["prompt"]!.AsArray().Select(token => (int)token!)];
        if (request["echo"] is null)
        {
            var written = model.Generate([prompt], (int)request["max_tokens"]!, (_, tokens) => tokenizer.EndIds.Contains(tokens[^1]))[0];
            var text = LocalModel.Cut(tokenizer.Decode([.. written.TakeWhile(token => !tokenizer.EndIds.Contains(token))]), [.. request["stop"]!.AsArray().Select(stop => (string)stop!)]);
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
            ["choices"] = new JsonArray(new JsonObject { ["logprobs"] = new JsonObject { ["tokens"] = tokens, ["token_logprobs"] = values, ["top_logprobs"] = tops } }),
        }.ToJsonString();
    }

    private async Task ServeAsync()
    {
        while (listener.IsListening)
        {
            try
            {
                var context = await listener.GetContextAsync();
                var request = (JsonObject)(await JsonNode.ParseAsync(context.Request.InputStream))!;
                Interlocked.Increment(ref asked);
                var text = context.Request.Url!.AbsolutePath == "/v1/completions" && (string?)request["model"] == "tiny" ? answer(request) : null;
                context.Response.StatusCode = text is null ? 500 : 200;
                context.Response.Close(Encoding.UTF8.GetBytes(text ?? "no"), willBlock: false);
            }
            catch (Exception error) when (error is HttpListenerException or ObjectDisposedException or IOException)
            {
                // Stopped, or the client went away.
            }
        }
    }
}
