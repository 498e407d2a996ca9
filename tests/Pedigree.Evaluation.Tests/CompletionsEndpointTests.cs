using Pedigree.Evaluation.Outside;
using Pedigree.Evaluation.Tasks;
using Xunit;

namespace Pedigree.Evaluation.Tests;

public sealed class CompletionsEndpointTests : IDisposable
{
    private readonly TinyFolder _folder = new();
    private readonly CompletionsServer _server = new();
    private readonly EndpointSettings _settings;

    public CompletionsEndpointTests()
    {
        _settings = new(_server.Url, _folder.Checkpoint(), 128, TimeSpan.FromSeconds(30)) { Attempts = 2 };
        _folder.File("rows.jsonl", """{"q": "cat 7", "choices": ["a dog", "bee"], "answer": 1}"""
            + "\n" + """{"q": "x", "choices": ["horse", "b"], "answer": 0}""");
        _folder.File("choice.yaml", "task: choice\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: "
            + "choices\ndoc_to_target: answer\ndata: rows.jsonl\n");
        _folder.File("likely.yaml",
            "task: likely\noutput_type: loglikelihood\ndoc_to_text: \"\"\ndoc_to_target: q\ndata: rows.jsonl\n");
        _folder.File("write.yaml", "task: write\ndoc_to_text: q\ndoc_to_target: q\ndata: rows.jsonl\ngeneration_kwargs: "
            + "{until: [\"e\", \"7\"], max_gen_toks: 9}\n");
    }

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_model_that_is_served_scores_and_writes_what_it_does_here()
    {
        EvaluationTask[] tasks = [Load("choice"), Load("likely"), Load("write")];
        var (served, here) = (Evaluator.Evaluate(
            _folder.Path, _settings, tasks), Evaluator.Evaluate(_folder.Path, tasks, new() { Device = "cpu" }));
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
    [InlineData("{\"choices\": [{\"logprobs\": {\"token_logprobs\": [null, null, null, "
        + "null, null, null, null, null, null, null, null, null]}}]}", "is null", 1)]
    public void What_a_server_does_wrong_is_a_failure_and_never_a_score(string? text, string said, int times)
    {
        _server.Answer = _ => text;
        var one = _settings with { Concurrency = 1 };
        Assert.Contains(said, Assert.Throws<EvaluatorFailedException>(
            () => Evaluator.Evaluate(_folder.Path, one, [TaskLoader.Load(_folder.Path, "likely.yaml", limit: 1)])).Message);
        Assert.Equal(times, _server.Asked);
    }

    [Fact]
    public void A_server_that_answers_without_end_is_given_up()
    {
        var endless = new string(' ', CompletionsEndpoint.MostBytes + 1);
        _server.Answer = _ => endless;
        Assert.Contains("67108864", Assert.Throws<EvaluatorFailedException>(() => Evaluator.Evaluate(
            _folder.Path, _settings with { Attempts = 1 }, [TaskLoader.Load(_folder.Path, "likely.yaml", limit: 1)])).Message);
    }

    [Fact]
    public void A_server_that_does_not_answer_is_given_up()
    {
        _server.Answer = _ =>
        {
            Thread.Sleep(600);
            return "{}";
        };
        Assert.Contains("did not answer within 0.2 seconds", Assert.Throws<EvaluatorFailedException>(() => Evaluator.Evaluate(
            _folder.Path,
            _settings with { Timeout = TimeSpan.FromSeconds(0.2) },
            [TaskLoader.Load(_folder.Path, "likely.yaml", limit: 1)])).Message);
    }

    private EvaluationTask Load(string name) => TaskLoader.Load(_folder.Path, name + ".yaml");
}
