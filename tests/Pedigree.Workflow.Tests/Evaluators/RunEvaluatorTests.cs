using Pedigree.Evaluation;
using Pedigree.Evaluation.Outside;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Tests.Evaluators;

/// <summary>
/// Runs whose models another program scores, a shell script: each has as many of ten items right as its bytes say.
/// </summary>
public sealed class RunEvaluatorTests : IDisposable
{
    private const string Works = """
        input=$(cat)
        case "$input" in *'"model":null'*) echo '{"evaluator": "mine 1.2", "results": {}}'; exit;; esac
        model=$(echo "$input" | sed 's/.*"model":"\([^"]*\)".*/\1/')
        right=$(( $(cksum < "$model/model.safetensors" | cut -d' ' -f1) % 11 ))
        items=$(for i in 0 1 2 3 4 5 6 7 8 9; do test $i -lt $right && echo 1 || echo 0; done | paste -sd,)
        echo "{\"evaluator\": \"mine 1.2\", \"results\": {\"quality\": {\"acc,none\": $(awk "BEGIN { print $right / 10 }")}}, \"items\": {\"quality\": {\"acc,none\": [$items]}}}"
        """;

    private readonly TemporaryFolder _folder = new();

    public static bool HasShell => !OperatingSystem.IsWindows();

    public void Dispose() => _folder.Dispose();

    [Fact(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    public async Task A_command_scores_a_run_and_every_event_says_which_version_of_what()
    {
        RunRecord run = await RunAsync(Spec(Works));
        ModelEvaluated[] evaluated = [.. run.Events.OfType<ModelEvaluated>()];
        Assert.True(evaluated.Length > 4);
        Assert.All(evaluated, model => Assert.Equal("mine 1.2", model.Evaluator));
        Assert.All(evaluated, model => Assert.Equal("acc", model.Scores.Single().Metric));
        Assert.Contains(run.Events.OfType<ModelsCompared>().SelectMany(compared => compared.Comparisons),
            made => made is { Items: 10, Test: "mcnemar" });
        Assert.Null((await Auditor.ReplayAsync(Store.Open(_folder["store"]), "r", reevaluate: true)).FirstDifference);
        // Known by name, it is not asked again.
        RunRecord again = await RunAsync(Spec(Works + "exit 1"), "second");
        Assert.Equal(
            evaluated.Select(model => model.Average), again.Events.OfType<ModelEvaluated>().Select(model => model.Average));
    }

    [Theory(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    [InlineData("exit 3", "exited with 3", 30)]
    [InlineData("sleep 100", "not done after 4 seconds", 4)]
    [InlineData("echo '{\"evaluator\": \"mine 1.2\", \"results\": {\"quality\": {\"acc,none\": NaN}}}'", "has no NaN", 30)]
    [InlineData("echo '{\"evaluator\": \"mine 1.3\", \"results\": {\"quality\": {\"acc,none\": 1}}}'",
        "was mine 1.2 when it was asked first, and is mine 1.3 now", 30)]
    [InlineData("echo '{\"evaluator\": \"mine 1.2\", \"results\": {\"quality\": {\"acc,none\": "
        + "1}}, \"items\": {\"quality\": {\"acc,none\": [0, 1]}}}'", "whose mean is its score", 30)]
    public async Task A_failing_evaluator_suspends_the_run_which_goes_on_once_it_works(string failing, string said, int timeout)
    {
        string[] lines = Works.Split('\n');
        string spec = Spec(string.Join('\n', [.. lines[..2], failing]), timeout: timeout);
        EvaluatorFailedException error = await Assert.ThrowsAsync<EvaluatorFailedException>(() => RunAsync(spec));
        Assert.Contains(said, error.Message);
        IReadOnlyList<RunEvent> log = (await Runs.LoadAsync(Store.Open(_folder["store"]), "r")).Events;
        Assert.Equal(error.Message, Assert.IsType<RunSuspended>(log[^1]).Reason);
        Assert.Empty(log.OfType<ModelEvaluated>());
        Spec(Works, timeout: timeout);
        RunRecord run = await RunAsync(spec);
        Assert.NotNull(run.State.Completed);
        Assert.Single(run.Events.OfType<RunResumed>());
    }

    [Fact(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    public async Task Significance_without_results_item_by_item_is_refused()
    {
        string spec = Spec(Works.Replace("\\\"items\\\"", "\\\"others\\\""), "significance: 0.05");
        BadInputException error = await Assert.ThrowsAsync<BadInputException>(() => RunAsync(spec));
        Assert.Contains("needs results item by item, and mine 1.2 gave none of base", error.Message);
    }

    [Theory]
    [InlineData("evaluator: nonsense", "evaluator.name", "built-in, lm_eval, completions, command")]
    [InlineData("evaluator: command", "evaluator.command", "is missing")]
    [InlineData("evaluator: { name: completions }", "evaluator.url", "http://127.0.0.1:8000/v1")]
    [InlineData("evaluator: { name: lm_eval, url: http://x }", "evaluator.url", "for completions and nothing else")]
    [InlineData("evaluator: { name: lm_eval, timeout: 0 }", "evaluator.timeout", "above 0")]
    [InlineData("evaluator: lm_eval\nsequential: 0.99", "sequential", "cannot be asked a part")]
    [InlineData("significance: 5", "significance", "between 0 and 1")]
    [InlineData("sequential: { confidence: 2 }", "sequential.confidence", "below 1")]
    public void A_wrong_evaluator_or_level_is_refused_with_its_field(string line, string field, string said)
    {
        BadInputException error =
            Assert.Throws<BadInputException>(() => Samples.Write(_folder["spec.yaml"], Samples.Spec(extra: line)));
        Assert.Equal(field, error.Field);
        Assert.Contains(said, error.Message);
    }

    [Fact]
    public void How_prompts_are_put_to_a_model_that_chats_is_said_for_each_task_and_belongs_to_it()
    {
        string plain = Read("").Digest!;
        TaskSpec named = Read(", apply_chat_template: tool_use, fewshot_as_multiturn: false, system_instruction: Be kind.");
        Assert.Equal((true, "tool_use", false, "Be kind."),
            (named.ApplyChatTemplate, named.ChatTemplate, named.FewshotAsMultiturn, named.SystemInstruction));
        TaskSpec usual = Read(", apply_chat_template: true");
        Assert.Equal((true, null, null, null),
            (usual.ApplyChatTemplate, usual.ChatTemplate, usual.FewshotAsMultiturn, usual.SystemInstruction));
        Assert.Equal(3, new[] { plain, named.Digest, usual.Digest }.Distinct().Count());
        Assert.Equal(plain, Read(", apply_chat_template: false").Digest);
        Assert.Equal(3, new[] { "", ", apply_chat_template: true", ", system_instruction: x" }
            .Select(chat => Read(chat, "evaluator: lm_eval").Digest).Distinct().Count());
        Assert.Contains(
            "needs apply_chat_template", Assert.Throws<BadInputException>(() => Read(", fewshot_as_multiturn: true")).Message);
        Assert.Contains("a command puts prompts as it will", Assert.Throws<BadInputException>(
            () => Read(", system_instruction: x", "evaluator: { name: command, command: x }")).Message);
        Assert.Contains("apply_chat_template", Assert.Throws<BadInputException>(() => Read(", apply_chat_template: 3")).Message);

        TaskSpec Read(string chat, string extra = "") => Samples.Write(_folder["spec.yaml"],
            Samples.Spec(extra: extra).Replace("limit: 6, weight", $"limit: 6{chat}, weight")).Spec.Tasks[1];
    }

    [Fact]
    public async Task Changed_data_is_another_task_and_scored_anew()
    {
        string family = _folder["family"];
        TemporaryFolder.Copy(Samples.Family, family);
        string text = Samples.Spec(stop: "generations: 1, kinship: null").Replace($"{Samples.Family}/tasks", $"{family}/tasks");
        await RunAsync(Write(text));
        string[] before = Scores();
        await RunAsync(Write(text), "again");
        Assert.Equal(before, Scores());
        string rows = Path.Combine(family, "tasks", "sort.jsonl");
        File.WriteAllText(rows, File.ReadAllText(rows).Replace("lazcieugyk=", "lazcieugyq="));
        RunRecord changed = await RunAsync(Write(text), "changed");
        // One of the two tasks: a score and its rows for every model.
        Assert.Equal(before.Length + 2 * changed.Events.OfType<ModelEvaluated>().Count(), Scores().Length);
    }

    [Fact]
    public async Task What_every_row_scored_is_kept_and_makes_up_the_score()
    {
        RunRecord run = await RunAsync(Write(Samples.Spec(stop: "generations: 1, kinship: null")));
        List<double> kept = [];
        foreach (string file in Directory.GetFiles(_folder["store/scores"], "*.parquet"))
        {
            IReadOnlyList<ItemRow> rows = await ItemFile.ReadAsync(await File.ReadAllBytesAsync(
                file, TestContext.Current.CancellationToken), file, TestContext.Current.CancellationToken);
            Assert.Equal(Enumerable.Range(0, 6), rows.Select(row => row.DocId));
            Assert.All(rows, row => Assert.NotNull(row.Output));
            kept.Add(rows.Sum(row => row.Weight * row.Score));
        }
        Assert.Equal(
            run.Events.OfType<ModelEvaluated>()
                .SelectMany(model => model.Scores)
                .Select(score => Math.Round(score.Value, 9))
                .Order(), kept.Select(value => Math.Round(value, 9)).Order());
    }

    [Fact]
    public async Task Rows_that_were_changed_are_refused_and_computed_again_once_they_are_removed()
    {
        string spec = Write(Samples.Spec(stop: "generations: 1, kinship: null"));
        RunRecord run = await RunAsync(spec);
        string[] files = Directory.GetFiles(_folder["store/scores"], "*.parquet");
        byte[][] before = [.. files.Select(File.ReadAllBytes)];
        foreach ((string file, byte[] bytes) in files.Zip(before))
            File.WriteAllBytes(file, [.. bytes[..40], (byte)(bytes[40] ^ 1), .. bytes[41..]]);
        Assert.Contains(
            "was changed; remove it", (await Assert.ThrowsAsync<BadInputException>(() => RunAsync(spec, "again"))).Message);
        foreach (string file in Directory.GetFiles(_folder["store/scores"]))
            File.Delete(file);
        Assert.Equal(run.State.Population.Select(model => model.Average),
            (await RunAsync(spec, "third")).State.Population.Select(model => model.Average));
        Assert.Equal(before, files.Select(File.ReadAllBytes));
    }

    private string[] Scores() => [.. Directory.GetFiles(_folder["store/scores"]).Order(StringComparer.Ordinal)];

    private string Write(string spec)
    {
        File.WriteAllText(_folder["spec.yaml"], spec);
        return _folder["spec.yaml"];
    }

    private string Spec(string script, string extra = "", int timeout = 30)
    {
        File.WriteAllText(_folder["evaluator.sh"], script);
        string spec = Samples.Spec(stop: "generations: 1, kinship: null", extra: extra + FormattableString.Invariant(
            $"\nevaluator: {{ name: command, command: [/bin/sh, {_folder["evaluator.sh"]}], timeout: {timeout}, attempts: 1 }}"));
        string[] lines = [.. spec.Split('\n').Where(line => !line.Contains("- { task:"))];
        return Write(string.Join('\n', lines).Replace("tasks:", "tasks: [{ task: quality }]"));
    }

    private Task<RunRecord> RunAsync(string spec, string id = "r") =>
        EmbeddedHost.RunAsync(SpecFile.Load(spec), Store.Open(_folder["store"]), id);
}
