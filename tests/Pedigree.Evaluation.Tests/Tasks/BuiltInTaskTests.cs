using System.Text.Json;
using System.Text.Json.Nodes;
using Parquet.Serialization;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tasks;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tasks;

/// <summary>
/// Every built-in task on a few rows of our own in the real data set's format; golden/make_golden.py says the
/// harness's rules in Python.
/// </summary>
public class BuiltInTaskTests
{
    private static readonly JsonArray Golden =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Tasks", "golden", "golden.json")))!.AsArray();

    public static TheoryData<string> Names => [.. Golden.Select(entry => (string)entry!["task"]!)];

    [Theory, MemberData(nameof(Names))]
    public void A_built_in_task_asks_what_the_harness_asks(string name)
    {
        var golden = Case(name);
        var task = Load(golden);
        Assert.Equal(golden["requests"]!.AsArray().Count, task.Items.Count);
        foreach (var (i, item) in task.Items.Index())
        {
            Assert.Equal(golden["requests"]![i]!.AsArray().Select(pair => new TextRequest((string)pair![0]!, (string)pair[1]!)),
                item.Requests);
            Assert.Equal(golden["golds"]![i]!.AsArray().Select(gold => (int)gold!), item.Golds);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_built_in_task_makes_of_log_likelihoods_what_the_harness_makes(string name)
    {
        var golden = Case(name);
        var task = Load(golden);
        if (task.Type == OutputType.GenerateUntil)
            return; // Gsm8kTests has its scores.
        var items = task.Items.Select((item, i) => TaskScores.OfScored(task, item,
            [.. item.Requests.Select((_, j) => new TokenScores([-(5 + (7 * i + 3 * j) % 5) / 2.0], false))])).ToList();
        var metrics = TaskScores.OfTask(task, items).Metrics;
        Assert.Equal(golden["scores"]!.AsObject().Select(score => score.Key), metrics.Select(metric => metric.Metric));
        foreach (var metric in metrics)
        {
            var expected = golden["scores"]![metric.Metric]!.AsArray();
            Assert.Equal((double)expected[0]!, metric.Value, 1e-12);
            Assert.Equal((double?)expected[1], metric.StandardError,
                (a, b) => a is null ? b is null : Math.Abs(a.Value - b!.Value) < 1e-12);
        }
    }

    [Fact]
    public void The_harness_own_file_of_hellaswag_whose_rows_a_Python_function_makes_asks_the_same()
    {
        var golden = Case("hellaswag");
        using var folder = new TinyFolder();
        var file = folder.File("own.yaml", """
            task: own
            dataset_path: Rowan/hellaswag
            output_type: multiple_choice
            training_split: train
            validation_split: validation
            process_docs: !function utils.process_docs
            doc_to_text: "{{query}}"
            doc_to_target: "{{label}}"
            doc_to_choice: choices
            """);
        Assert.Equal(
            Load(golden).Items.SelectMany(item => item.Requests), Load(golden, file).Items.SelectMany(item => item.Requests));
        File.WriteAllText(file, File.ReadAllText(file).Replace("Rowan/hellaswag", "someone/else"));
        Assert.Contains("utils.process_docs is a Python function, which is not run",
            Assert.Throws<BadInputException>(() => Load(golden, file)).Message);
    }

    [Fact]
    public async Task Parquet_is_read_as_the_same_rows_as_JSON()
    {
        var golden = Case("arc_easy");
        using var folder = new TinyFolder();
        Directory.CreateDirectory(Path.Combine(folder.Path, "ARC-Easy"));
        foreach (var (split, rows) in golden["splits"]!.AsObject())
        {
            await using var file = File.Create(Path.Combine(folder.Path, "ARC-Easy", $"{split}-00000-of-00001.parquet"));
            await ParquetSerializer.SerializeAsync(
                rows.Deserialize<List<ArcRow>>()!, file, cancellationToken: TestContext.Current.CancellationToken);
        }
        var (expected, read) = (Load(golden), TaskLoader.Load(".", "arc_easy", folder.Path, 2));
        Assert.Equal(expected.Items.SelectMany(item => item.Requests), read.Items.SelectMany(item => item.Requests));
        Assert.Equal(expected.Items.Select(item => item.Gold), read.Items.Select(item => item.Gold));
    }

    private sealed class ArcRow
    {
        public string? id { get; set; }
        public string? question { get; set; }
        public ArcChoices? choices { get; set; }
        public string? answerKey { get; set; }
    }

    private sealed class ArcChoices
    {
        public List<string>? text { get; set; }
        public List<string>? label { get; set; }
    }

    [Fact]
    public void A_group_is_the_mean_of_its_tasks_by_their_rows()
    {
        using var folder = new TinyFolder();
        folder.File("group.yaml", """
            group: both
            task:
              - { task: mmlu_anatomy, include: _mmlu_subject, dataset_name: anatomy }
              - { task: mmlu_virology, include: _mmlu_subject, dataset_name: virology, task_alias: virus }
            aggregate_metric_list: [{metric: acc}]
            """);
        var row = Case("mmlu_anatomy")["splits"]!["test"]![1]!.ToJsonString() + "\n";
        foreach (var (subject, rows) in new[] { ("anatomy", 2), ("virology", 6) })
        {
            Directory.CreateDirectory(Path.Combine(folder.Path, subject));
            folder.File(Path.Combine(subject, "test.jsonl"), string.Concat(Enumerable.Repeat(row, rows)));
        }
        var task = TaskLoader.Load(folder.Path, "group.yaml", ".");
        var members = task.Members.Select(
            (member, m) => TaskScores.OfTask(member, [.. member.Items.Select((item, i) => TaskScores.OfScored(member, item,
                [.. item.Requests.Select((_, j) => new TokenScores([j == (i > m ? 1 : 0) ? -1.0 : -2.0], false))]))])).ToList();
        var result = TaskScores.OfGroup(task, task.Group!, members);
        Assert.Equal([0.5, 4 / 6.0], members.Select(member => member.Primary.Value));
        Assert.Equal((0.5 * 2 + 4) / 8, result.Primary.Value, 1e-12);
        var json = new EvaluationResults([result]).ToJson();
        Assert.Equal("virus", (string?)json["results"]!["mmlu_virology"]!["alias"]);
        Assert.Equal(8, (int)json["groups"]!["both"]!["sample_len"]!);
        // Pooled variance: ((2 − 1)·2·e₁² + (6 − 1)·6·e₂²) / (8 − 2) / 8, e² = p(1 − p) / (n − 1).
        Assert.Equal(Math.Sqrt((2 * 0.25 + 30 * (2 / 9.0 / 5)) / 6 / 8), result.Primary.StandardError!.Value, 1e-12);
    }

    [Fact]
    public void A_group_may_name_tasks_by_their_names_or_by_a_tag_that_they_share()
    {
        using var folder = new TinyFolder();
        folder.File("rows.jsonl", """{"q": "a", "choices": ["x", "y"], "answer": 0}""");
        foreach (var (file, keys) in new[]
        {
            ("1", "task: first\ntag: [some, others]"),
            ("2", "task: second\ntag: some"),
            ("3", "task: third\ntag: something"),
            ("4", "task: fourth\ndescription: some"),
        })
            folder.File($"{file}.yaml", $"{keys}\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: "
                + "choices\ndoc_to_target: answer\ndata: rows.jsonl\n");
        folder.File("group.yaml", "group: all\ntask: [third, some]\naggregate_metric_list: [{metric: acc}]\n");
        Assert.Equal(
            ["third", "first", "second"], TaskLoader.Load(folder.Path, "group.yaml").Members.Select(member => member.Name));
        folder.File("group.yaml", "group: all\ntask: [som]\naggregate_metric_list: [{metric: acc}]\n");
        Assert.Contains("\"som\" is neither a file",
            Assert.Throws<BadInputException>(() => TaskLoader.Load(folder.Path, "group.yaml")).Message);
        folder.File("group.yaml", "group: all\ntask: [all]\naggregate_metric_list: [{metric: acc}]\n");
        Assert.Contains("has the group all within itself",
            Assert.Throws<BadInputException>(() => TaskLoader.Load(folder.Path, "group.yaml")).Message);
    }

    [Fact]
    public void Every_built_in_name_is_found_and_a_folder_without_the_split_is_refused_by_name()
    {
        using var folder = new TinyFolder();
        folder.File("train.jsonl", "{}\n");
        foreach (var name in TaskLoader.BuiltIn)
        {
            var message = Assert.Throws<BadInputException>(() => TaskLoader.Load(folder.Path, name, ".")).Message;
            Assert.Contains("there is no split of that name", message);
            Assert.Contains("There is train.jsonl", message);
        }
    }

    private static JsonObject Case(string name) => Golden.Single(entry => (string)entry!["task"]! == name)!.AsObject();

    /// <summary>Writes the rows as the data set lies on Hugging Face, and loads the task from there.</summary>
    private static EvaluationTask Load(JsonObject golden, string? file = null)
    {
        using var folder = new TinyFolder();
        var place = Path.Combine(folder.Path, (string?)golden["folder"] ?? "data");
        Directory.CreateDirectory(place);
        foreach (var (split, rows) in golden["splits"]!.AsObject())
            File.WriteAllText(
                Path.Combine(place, $"{split}.jsonl"), string.Concat(rows!.AsArray().Select(row => row!.ToJsonString() + "\n")));
        var name = file ?? (string)golden["task"]!;
        if (name.StartsWith("mmlu", StringComparison.Ordinal))
            name = folder.File("anatomy.yaml", "include: _mmlu_subject\ntask: mmlu_anatomy\ndataset_name: anatomy\ndescription: "
                + "\"The following are multiple choice questions (with answers) about anatomy.\\n\\n\"\n");
        return TaskLoader.Load(folder.Path, name, ".", (int)golden["fewshot"]!);
    }
}
