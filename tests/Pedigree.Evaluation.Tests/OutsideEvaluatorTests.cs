using Pedigree.Evaluation.Outside;
using Xunit;

namespace Pedigree.Evaluation.Tests;

/// <summary>Real processes that speak the protocol: shell scripts.</summary>
public sealed class OutsideEvaluatorTests : IDisposable
{
    public static bool HasShell => !OperatingSystem.IsWindows();

    private readonly TinyFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private OutsideSettings Script(string script, int attempts = 1, double seconds = 300) =>
        new(["/bin/sh", _folder.File("evaluator.sh", script)], TimeSpan.FromSeconds(seconds), attempts);

    private static (string, string, string, double, double?) Of(OutsideScore score) =>
        (score.Task, score.Metric, score.Filter, score.Value, score.StandardError);

    private Task<OutsideResults> Command(string script, int attempts = 1, double seconds = 300) =>
        OutsideEvaluator.CommandAsync(
            Script(script, attempts, seconds), _folder.Path, [new("boolq", Fewshot: 2)], TestContext.Current.CancellationToken);

    [Fact(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    public async Task A_command_is_told_model_and_tasks_and_its_scores_are_read()
    {
        var results = await Command($$"""
            cat > {{_folder.Path}}/asked.json
            echo '{"evaluator": "mine 1.2", "results": {"boolq": {"alias": "boolq", "acc,none": 0.5, "acc_stderr,none": "N/A", "f1,none": 0.25, "f1_stderr,none": 0.1} } }'
            """);
        Assert.Equal("mine 1.2", results.Evaluator);
        Assert.Equal([("boolq", "acc", "none", 0.5, null), ("boolq", "f1", "none", 0.25, 0.1)], results.Scores.Select(Of));
        Assert.Equal($$"""{"model":"{{_folder.Path}}","tasks":[{"task":"boolq","data":null,"fewshot":2,"limit":null}]}""",
            File.ReadAllText(Path.Combine(_folder.Path, "asked.json")));
    }

    [Theory(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    [InlineData("echo hello", "not one JSON object (which has no NaN): hello")]
    [InlineData("true", "it is empty")]
    [InlineData("yes", "more than 100000000 characters")]
    [InlineData("echo broken >&2; exit 3", "exited with 3: broken")]
    [InlineData("kill -9 $$", "exited with 137")]
    [InlineData("echo '{\"results\": {\"boolq\": {\"acc,none\": NaN}}}'", "has no NaN")]
    [InlineData("echo '{\"results\": {\"boolq\": {\"acc,none\": \"NaN\"}}}'",
        "results.boolq.acc,none is \"NaN\"; a finite number would be right")]
    [InlineData("echo '{\"results\": {\"boolq\": {\"acc,none\": 1e999}}}'", "a finite number would be right")]
    [InlineData("echo '{\"results\": {\"boolq\": {\"acc_stderr,none\": 0.1}}}'", "has no score")]
    [InlineData("echo '{\"results\": {\"piqa\": {\"acc,none\": 1}}}'", "has no results.boolq")]
    public async Task What_an_evaluator_does_wrong_is_a_failure_and_never_a_score(string script, string said) =>
        Assert.Contains(said, (await Assert.ThrowsAsync<EvaluatorFailedException>(() => Command(script))).Message);

    [Fact(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    public async Task A_program_that_hangs_is_ended_with_what_it_started()
    {
        // A shell that has no time to begin gets more.
        for (var seconds = 1; !File.Exists(Path.Combine(_folder.Path, "child")); seconds *= 2)
        {
            var error = await Assert.ThrowsAsync<EvaluatorFailedException>(() => Command(
                $"sleep 300 & echo $! > {_folder.Path}/half; mv {_folder.Path}/half {_folder.Path}/child; wait",
                seconds: seconds));
            Assert.Contains($"not done after {seconds} seconds", error.Message);
        }
        var child = int.Parse(File.ReadAllText(Path.Combine(_folder.Path, "child")));
        for (var i = 0; i < 100 && Directory.Exists($"/proc/{child}"); i++)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.False(Directory.Exists($"/proc/{child}") && !File.ReadAllText($"/proc/{child}/stat").Contains(") Z "));
    }

    [Fact(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    public async Task A_failure_is_tried_again_and_then_told_with_the_number_of_times()
    {
        var counting = $"echo x >> {_folder.Path}/tries; test $(wc -l < {_folder.Path}/tries) -ge 3 || exit 1; ";
        var results = await Command(counting + """echo '{"results": {"boolq": {"acc,none": 1}}}'""", attempts: 3);
        Assert.Equal(1, results.Scores.Single().Value);
        Assert.Contains(
            "failed 2 times", (await Assert.ThrowsAsync<EvaluatorFailedException>(() => Command("exit 1", attempts: 2))).Message);
        Assert.Contains(
            "cannot be started", (await Assert.ThrowsAsync<EvaluatorFailedException>(() => OutsideEvaluator.CommandAsync(
                new(["/no/such/program"], TimeSpan.FromSeconds(5), 1),
                _folder.Path,
                [new("boolq")],
                TestContext.Current.CancellationToken))).Message);
    }

    [Fact(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    public async Task Lm_eval_is_given_its_arguments_and_its_results_file_is_read_with_its_version()
    {
        var script = Script($$$"""
            echo "$@" > {{{_folder.Path}}}/arguments
            while [ "$1" != --output_path ]; do shift; done
            mkdir -p "$2/some__model"
            echo '{"lm_eval_version": "0.4.9", "results": {"winogrande": {"alias": "winogrande", "acc,none": 0.75, "acc_stderr,none": 0.02} } }' > "$2/some__model/results_2026-01-01T00-00-00.json"
            """);
        var results = await OutsideEvaluator.LmEvalAsync(script, _folder.Path, [new("winogrande", Fewshot: 5, Limit: 10)],
            cancellation: TestContext.Current.CancellationToken);
        Assert.Equal("lm_eval 0.4.9", results.Evaluator);
        Assert.Equal(("winogrande", "acc", "none", 0.75, 0.02), Of(results.Scores.Single()));
        Assert.Matches($"^--model hf --model_args pretrained={_folder.Path} --tasks winogrande "
            + "--output_path .* --log_samples --num_fewshot 5 --limit 10\n$", File.ReadAllText(
                Path.Combine(_folder.Path, "arguments")));
        Assert.Empty(results.Scores.Single().Items); // There are no samples.
        await OutsideEvaluator.LmEvalAsync(
            script,
            _folder.Path,
            [new("winogrande") { Chat = new(true, false, "Be kind.", "tool_use") }],
            cancellation: TestContext.Current.CancellationToken);
        Assert.EndsWith(
            " --log_samples --apply_chat_template tool_use --fewshot_as_multiturn false --system_instruction Be kind.\n",
            File.ReadAllText(Path.Combine(_folder.Path, "arguments")));
        Assert.Contains("without writing a results file", (await Assert.ThrowsAsync<EvaluatorFailedException>(() =>
            OutsideEvaluator.LmEvalAsync(Script("true"), _folder.Path, [new("winogrande")],
                cancellation: TestContext.Current.CancellationToken))).Message);
    }

    [Fact(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    public async Task The_samples_of_lm_eval_are_the_items_of_its_scores_and_a_groups_those_of_its_tasks()
    {
        var script = Script("""
            while [ "$1" != --output_path ]; do shift; done
            cat > "$2/results_1.json" <<END
            {"lm_eval_version": "0.4.9", "results": {"both": {"acc,none": 0.5}, "one": {"exact_match,strict": 0.5, "exact_match,loose": 0}},
             "group_subtasks": {"both": ["a", "b"], "a": [], "b": []}, "higher_is_better": {"one": {"exact_match": true}}}
            END
            printf '{"doc_id": 1, "filter": "none", "acc": 1.0}\n{"doc_id": 0, "filter": "none", "acc": 0.0}\n' > "$2/samples_a_1.jsonl"
            printf '{"doc_id": 0, "filter": "none", "acc": 1.0}\n{"doc_id": 1, "filter": "none", "acc": 0.0}\n' > "$2/samples_b_1.jsonl"
            # Of another task, whose name begins alike, and of another time.
            cp "$2/samples_b_1.jsonl" "$2/samples_a_z_1.jsonl"; cp "$2/samples_b_1.jsonl" "$2/samples_a_2.jsonl"
            for filter in strict loose; do test $filter = strict && right=true || right=false
            printf '{"doc_id": 0, "filter": "%s", "exact_match": false}\n{"doc_id": 1, "filter": "%s", "exact_match": %s}\n' $filter $filter $right >> "$2/samples_one_1.jsonl"; done
            """);
        var results = await OutsideEvaluator.LmEvalAsync(
            script, _folder.Path, [new("both"), new("one")], cancellation: TestContext.Current.CancellationToken);
        Assert.Equal([[0, 1, 1, 0], [0, 1], [0, 0]], results.Scores.Select(score => score.Items));
    }

    [Fact(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    public async Task Without_a_model_lm_eval_is_asked_by_its_dummy_and_says_its_version()
    {
        var script = Script($$$"""
            echo "$@" > {{{_folder.Path}}}/arguments
            while [ "$1" != --output_path ]; do shift; done
            echo '{"lm_eval_version": "0.4.9", "results": {"winogrande": {"acc,none": 0.5} } }' > "$2/results_1.json"
            """);
        Assert.Equal("lm_eval 0.4.9", (await OutsideEvaluator.LmEvalAsync(
            script, null, [new("winogrande", Limit: 1)], cancellation: TestContext.Current.CancellationToken)).Evaluator);
        Assert.Matches("^--model dummy --tasks winogrande --output_path .* --log_samples --limit 1\n$",
            File.ReadAllText(Path.Combine(_folder.Path, "arguments")));
    }
}
