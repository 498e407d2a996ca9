using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tasks;

public sealed class EvaluatorTests : IDisposable
{
    private static readonly string[] Words = ["cat", "a dog", "bee 7", "x", "horse; $2"];

    private readonly TinyFolder _folder = new();
    private readonly Checkpoint _checkpoint;
    private readonly LanguageModel _model;
    private readonly ITextTokenizer _tokenizer;

    public EvaluatorTests()
    {
        _checkpoint = Checkpoint.Open(_folder.Checkpoint());
        _model = LanguageModel.Load(_checkpoint, "cpu");
        _tokenizer = TokenizerLoader.Open(_folder.Path);
        _folder.File("rows.jsonl", string.Concat(Enumerable.Range(0, 20).Select(i =>
            $$"""{"q": "{{new string('a', i % 7)}} {{Words[i % 5]}} {{i}}", "choices": ["{{Words[(i + 1) % 5]}}", "{{Words[(i + 2) % 5]}}"], "answer": {{i % 2}}}"""
            + "\n")));
        _folder.File("choice.yaml", """
            task: choice
            output_type: multiple_choice
            doc_to_text: "q: {{q}} "
            doc_to_choice: choices
            doc_to_target: answer
            target_delimiter: ""
            data: rows.jsonl
            metric_list: [{metric: acc}, {metric: acc_norm}, {metric: acc_bytes}]
            """);
        _folder.File("likely.yaml", """
            task: likely
            output_type: loglikelihood
            doc_to_text: ""
            doc_to_target: "{{q}}"
            data: rows.jsonl
            """);
        _folder.File("write.yaml", """
            task: write
            output_type: generate_until
            doc_to_text: "{{q}}:"
            doc_to_target: "{{choices[0]}}"
            data: rows.jsonl
            generation_kwargs: {until: ["e", "7"], max_gen_toks: 9}
            """);
    }

    public void Dispose()
    {
        _model.Dispose();
        _checkpoint.Dispose();
        _folder.Dispose();
    }

    private EvaluationTask Load(string name) => TaskLoader.Load(_folder.Path, name + ".yaml");

    private double LogLikelihood(int[] context, int[] continuation) =>
        _model.Score([new ScoreRequest([.. context, .. continuation], continuation.Length)])[0].Sum;

    [Fact]
    public void Choices_score_what_each_scores_alone_with_the_space_moved()
    {
        var task = Load("choice");
        var result = Evaluator.Evaluate(_model, _tokenizer, [task], new() { BatchTokens = 200 }).Tasks.Single();
        var (right, rightByLength) = (0, 0);
        for (var i = 0; i < task.Items.Count; i++)
        {
            var item = task.Items[i];
            double[] sums = [.. item.Choices.Select(choice => LogLikelihood(
                _tokenizer.Encode(item.Requests[0].Context[..^1], true), _tokenizer.Encode(" " + choice, true)))];
            Assert.Equal(sums[0], result.Items[i].LogLikelihoods[0], 1e-4);
            Assert.Equal(sums[1], result.Items[i].LogLikelihoods[1], 1e-4);
            right += (sums[1] > sums[0] ? 1 : 0) == i % 2 ? 1 : 0;
            rightByLength += (sums[1] / item.Choices[1].Length > sums[0] / item.Choices[0].Length ? 1 : 0) == i % 2 ? 1 : 0;
        }
        Assert.Equal(["acc", "acc_norm", "acc_bytes"], result.Metrics.Select(metric => metric.Metric));
        Assert.Equal(right / 20.0, result.Primary.Value);
        Assert.Equal(rightByLength / 20.0, result.Metrics[1].Value);
        var p = right / 20.0;
        Assert.Equal(Math.Sqrt(p * (1 - p) / 19), result.Primary.StandardError!.Value, 1e-12);
    }

    [Fact]
    public void Of_a_choice_that_is_there_twice_the_first_is_taken()
    {
        _folder.File("rows.jsonl", """
            {"q": "a", "choices": ["cat", "cat"], "answer": 0}
            {"q": "b", "choices": ["cat", "cat"], "answer": 1}
            """);
        Assert.Equal(0.5, Evaluator.Evaluate(_model, _tokenizer, [Load("choice")]).Tasks.Single().Primary.Value);
    }

    [Fact]
    public void An_empty_prompt_is_the_beginning_token_and_perplexity_the_exponential_of_the_mean()
    {
        var result = Evaluator.Evaluate(_model, _tokenizer, [Load("likely")]).Tasks.Single();
        var sums = Load("likely").Items.Select(item => LogLikelihood([0], _tokenizer.Encode(item.Target, false))).ToList();
        var perplexity = result.Metrics.Single(metric => metric.Metric == "perplexity").Value;
        Assert.Equal(1, perplexity / Math.Exp(-sums.Average()), 1e-3);
        Assert.Equal("acc", result.Primary.Metric);
    }

    [Fact]
    public void Writing_ends_before_the_first_stop_and_equals_the_prompt_continued_token_by_token()
    {
        var task = Load("write");
        var result = Evaluator.Evaluate(_model, _tokenizer, [task]).Tasks.Single();
        for (var i = 0; i < task.Items.Count; i++)
        {
            var tokens = _tokenizer.Encode(task.Items[i].Requests[0].Context, true).ToList();
            var text = "";
            for (var step = 0; step < 9; step++)
            {
                var next = _model.Score(
                    [.. Enumerable.Range(0, _model.VocabularySize).Select(token => new ScoreRequest([.. tokens, token], 1))])
                    .Index().MaxBy(candidate => candidate.Item.Sum).Index;
                if (next == 0 || _tokenizer.Decode([next]) is "e" or "7")
                    break;
                tokens.Add(next);
                text += _tokenizer.Decode([next]);
            }
            Assert.Equal(text, result.Items[i].Output);
        }
    }

    [Fact]
    public void Writing_ends_at_any_of_the_end_tokens_that_the_model_names()
    {
        var first = Evaluator.Evaluate(_model, _tokenizer, [Load("write")]).Tasks
            .Single().Items
            .First(item => item.Output!.Length > 1);
        var end = _tokenizer.Encode(first.Output![1..2], false).Single();
        _folder.File("generation_config.json", $$"""{"eos_token_id": [0, {{end}}]}""");
        var again = Evaluator.Evaluate(_folder.Path, [Load("write")], new() { Device = "cpu" }).Tasks.Single()
            .Items.Single(item => item.Item.Line == first.Item.Line);
        Assert.Equal(first.Output[1] == first.Output[0] ? "" : first.Output[..1], again.Output);
    }

    [Fact]
    public void The_same_again_and_beside_other_tasks_is_the_same_to_the_last_bit()
    {
        var together = Evaluator.Evaluate(_model, _tokenizer, [Load("write"), Load("choice"), Load("likely")]).ToJson();
        foreach (var name in (string[])["choice", "write", "likely"])
        {
            var alone = Evaluator.Evaluate(_checkpoint, [Load(name)], new() { Device = "cpu" }).ToJson();
            Assert.Equal(alone["results"]![name]!.ToJsonString(), together["results"]![name]!.ToJsonString());
        }
    }

    [Fact]
    public void Results_have_the_harness_keys_and_one_row_no_error()
    {
        var json = Evaluator.Evaluate(_model, _tokenizer, [TaskLoader.Load(_folder.Path, "write.yaml", limit: 1)]).ToJson();
        Assert.Equal("""{"original":20,"effective":1}""", json["n-samples"]!["write"]!.ToJsonString());
        var results = json["results"]!["write"]!;
        Assert.Equal("write", (string?)results["alias"]);
        Assert.NotNull(results["exact_match,none"]);
        Assert.Equal("N/A", (string?)results["exact_match_stderr,none"]);
    }

    [Fact]
    public void Requests_are_cut_on_the_left_to_one_token_more_than_the_context()
    {
        var request = RequestEncoder.Encode(_tokenizer, 8, new TextRequest("abcdefghijkl", " mn"), ("f", "1"));
        Assert.Equal(_tokenizer.Encode("ghijkl mn", true), request.Tokens);
        Assert.Equal(3, request.ContinuationLength);
        Assert.Throws<BadInputException>(
            () => RequestEncoder.Encode(_tokenizer, 8, new TextRequest("a", "bcdefghijk"), ("f", "1")));
        Assert.Throws<BadInputException>(() => RequestEncoder.Encode(_tokenizer, 8, new TextRequest("a", ""), ("f", "1")));
    }

    [Fact]
    public void A_context_too_short_to_write_in_and_a_task_given_twice_are_refused()
    {
        _folder.File("long.yaml",
            File.ReadAllText(Path.Combine(_folder.Path, "write.yaml")).Replace("max_gen_toks: 9", "max_gen_toks: 128"));
        Assert.Contains("max_gen_toks",
            Assert.Throws<BadInputException>(() => Evaluator.Evaluate(_model, _tokenizer, [Load("long")])).Message);
        Assert.Contains("twice", Assert.Throws<BadInputException>(
            () => Evaluator.Evaluate(_model, _tokenizer, [Load("write"), Load("write")])).Message);
    }

    [Fact]
    public void A_tokenizer_with_more_ids_than_embeddings_is_refused()
    {
        using var small = new TinyFolder();
        small.Checkpoint(rows: 40);
        var message = Assert.Throws<BadInputException>(() => Evaluator.Evaluate(small.Path, [Load("choice")])).Message;
        Assert.Contains("49", message);
        Assert.Contains("40", message);
    }

    [Theory]
    [InlineData("choice")]
    [InlineData("write")]
    public void With_little_memory_batches_are_small_and_results_the_same(string name)
    {
        var batches = new List<int>();
        var little = Evaluator.Evaluate(
            _model, _tokenizer, [Load(name)], new() { BatchMemory = 1, Progress = (_, done, _) => batches.Add(done) }).Tasks[0];
        Assert.Equal(Enumerable.Range(1, 20), batches);
        foreach (var (one, other) in Evaluator.Evaluate(_model, _tokenizer, [Load(name)]).Tasks[0].Items.Zip(little.Items))
        {
            Assert.Equal(one.Output, other.Output);
            Assert.All(one.LogLikelihoods.Zip(other.LogLikelihoods), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }
    }

    [Fact]
    public void A_tokenizer_with_fewer_ids_than_embeddings_is_that_of_a_padded_model_and_scores()
    {
        using var padded = new TinyFolder();
        padded.Checkpoint(rows: 64);
        Assert.All(Evaluator.Evaluate(padded.Path, [Load("choice")]).Tasks[0].Items.SelectMany(item => item.LogLikelihoods),
            sum => Assert.InRange(sum, -1000, 0));
    }

    [Fact]
    public void Progress_is_told_to_the_end()
    {
        var told = new List<(string, int, int)>();
        Evaluator.Evaluate(_model, _tokenizer, [Load("choice")],
            new() { BatchTokens = 100, Progress = (task, done, all) => told.Add((task, done, all)) });
        Assert.Equal(("choice", 20, 20), told[^1]);
        Assert.True(told.Count > 1);
    }
}
