using Pedigree.Evaluation.Tasks;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tasks;

public class TaskLoaderTests
{
    private const string Choice = """
        task: pick
        output_type: multiple_choice
        doc_to_text: "Q: {{q}}\nA:"
        doc_to_choice: choices
        doc_to_target: answer
        data: rows.jsonl

        """;

    private static EvaluationTask Load(string yaml, string rows, int? fewshot = null, int? limit = null, string? metric = null)
    {
        using var folder = new TinyFolder();
        folder.File("task.yaml", yaml);
        folder.File("rows.jsonl", rows);
        return TaskLoader.Load(folder.Path, "task.yaml", null, fewshot, limit, metric);
    }

    private static string Bad(string yaml, string rows, int? fewshot = null, int? limit = null, string? metric = null) =>
        Assert.Throws<BadInputException>(() => Load(yaml, rows, fewshot, limit, metric)).Message;

    private static string Row(string question, string answer = "1") =>
        $$"""{"q": "{{question}}", "choices": ["x", "yy"], "answer": {{answer}}}""" + "\n";

    [Fact]
    public void Choices_become_continuations_after_the_delimiter()
    {
        var item = Load(Choice, "\n" + Row("one")).Items.Single();
        Assert.Equal((2, 1, "yy"), (item.Line, item.Gold, item.Target));
        Assert.Equal([new("Q: one\nA:", " x"), new("Q: one\nA:", " yy")], item.Requests);
    }

    [Fact]
    public void An_answer_may_be_the_text_of_a_choice() => Assert.Equal(0, Load(Choice, Row("one", "\"x\"")).Items[0].Gold);

    [Fact]
    public void Where_choices_are_digits_a_field_means_the_choice_and_a_template_the_place()
    {
        const string row = """{"q": "?", "choices": ["1", "0"], "answer": "1"}""";
        Assert.Equal(0, Load(Choice, row).Items[0].Gold);
        Assert.Equal(1, Load(Choice.Replace("doc_to_target: answer", "doc_to_target: \"{{answer}}\""), row).Items[0].Gold);
        Assert.Equal(1, Load(Choice.Replace("doc_to_target: answer", "doc_to_target: 1"), row).Items[0].Gold);
        Assert.Equal(
            0, Load(Choice.Replace("doc_to_target: answer", "doc_to_target: \"{{choices.index(answer)}}\""), row).Items[0].Gold);
    }

    [Fact]
    public void Winogrande_scores_the_same_rest_after_either_option()
    {
        using var folder = new TinyFolder();
        folder.File("w.jsonl", """{"sentence": "The cup fell off the shelf because _ was a_b loose . ", "option1": "the cup", "option2": "the shelf", "answer": "2"}""" + "\n");
        var item = TaskLoader.Load(folder.Path, "winogrande", "w.jsonl").Items.Single();
        Assert.Equal(1, item.Gold);
        Assert.Equal(
        [
            new("The cup fell off the shelf because the cup", " was a_b loose ."),
            new("The cup fell off the shelf because the shelf", " was a_b loose ."),
        ], item.Requests);
    }

    [Fact]
    public void Examples_are_drawn_without_the_row_itself_and_end_in_the_delimiter()
    {
        // CPython's Random(1234).sample(range(4), 3), once a row.
        int[][] draws = [[3, 0, 2], [0, 2, 3], [0, 3, 1], [1, 0, 2]];
        var task = Load(
            Choice + "description: \"Say.\\n\"\n", string.Concat(Enumerable.Range(0, 4).Select(i => Row($"q{i}"))), fewshot: 2);
        for (var i = 0; i < 4; i++)
        {
            var expected = draws[i].Where(place => place != i).Take(2).Select(place => $"Q: q{place}\nA: yy\n\n");
            Assert.Equal($"Say.\n{string.Concat(expected)}Q: q{i}\nA:", task.Items[i].Requests[0].Context);
        }
    }

    [Fact]
    public void Examples_come_from_the_file_of_examples_where_there_is_one()
    {
        using var folder = new TinyFolder();
        folder.File("task.yaml", Choice + "fewshot_data: train.jsonl\nnum_fewshot: 1\n");
        folder.File("rows.jsonl", Row("test"));
        folder.File("train.jsonl", Row("train"));
        Assert.Equal("Q: train\nA: yy\n\nQ: test\nA:", TaskLoader.Load(folder.Path, "task.yaml").Items[0].Requests[0].Context);
    }

    [Fact]
    public void Examples_come_from_the_rows_of_fewshot_indices_alone()
    {
        using var folder = new TinyFolder();
        string Prompt(string sampler, string indices)
        {
            folder.File("task.yaml", Choice + "fewshot_data: train.jsonl\nnum_fewshot: 2\nfewshot_config: "
                + $"{{sampler: {sampler}, fewshot_indices: {indices}}}\n");
            return TaskLoader.Load(folder.Path, "task.yaml").Items[0].Requests[0].Context;
        }
        folder.File("rows.jsonl", Row("test"));
        folder.File("train.jsonl", string.Concat(Enumerable.Range(0, 9).Select(i => Row($"q{i}"))));
        Assert.Equal("Q: q7\nA: yy\n\nQ: q3\nA: yy\n\nQ: test\nA:", Prompt("first_n", "[7, 3, 5]"));
        // CPython's Random(1234).sample([7, 3, 5, 1], 2).
        Assert.Equal("Q: q1\nA: yy\n\nQ: q7\nA: yy\n\nQ: test\nA:", Prompt("default", "[7, 3, 5, 1]"));
        Assert.Contains("fewshot_indices: has 9, but there are 9 rows",
            Assert.Throws<BadInputException>(() => Prompt("default", "[0, 9]")).Message);
        Assert.Contains("at least 2 rows to draw from, but there are 1",
            Assert.Throws<BadInputException>(() => Prompt("default", "[0]")).Message);
    }

    [Fact]
    public void Settings_of_sampling_are_read_past_where_nothing_is_sampled()
    {
        var task = Load("task: t\ndoc_to_text: q\ndoc_to_target: answer\ndata: rows.jsonl\n"
            + "generation_kwargs: {do_sample: false, temperature: 0.7, top_p: 0.95, top_k: "
            + "4, num_beams: 1, max_tokens: 9, max_new_tokens: 7}\n", Row("a"));
        Assert.Equal(7, task.Definition!.Generation.MaxTokens);
    }

    [Fact]
    public void A_file_with_the_name_of_a_built_in_task_is_the_file_and_a_built_in_task_does_not_include_it()
    {
        using var folder = new TinyFolder();
        folder.File("arc_easy.yaml", Choice.Replace("task: pick", "task: arc_easy"));
        folder.File("own.yaml", "include: arc_easy.yaml\ntask: own\n");
        folder.File("rows.jsonl", Row("mine"));
        folder.File("arc.jsonl",
            """{"question": "built in", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "A"}""");
        Assert.Equal("Q: mine\nA:", TaskLoader.Load(folder.Path, "arc_easy.yaml").Items[0].Requests[0].Context);
        Assert.Equal("Q: mine\nA:", TaskLoader.Load(folder.Path, "own.yaml").Items[0].Requests[0].Context);
        foreach (var name in (string[])["arc_easy", "arc_challenge"])
            Assert.Equal(
                "Question: built in\nAnswer:", TaskLoader.Load(folder.Path, name, "arc.jsonl").Items[0].Requests[0].Context);
    }

    [Fact]
    public void Metric_lists_are_read_as_they_stand_in_files_of_the_harness()
    {
        using var folder = new TinyFolder();
        folder.File("rows.jsonl", Row("a"));
        folder.File(
            "one.yaml", Choice.Replace("task: pick", "task: one") + "metric_list: [{metric: acc, weight_by_size: true}]\n");
        folder.File("all.yaml", "group: all\ntask: [one]\naggregate_metric_list: {metric: acc, weight_by_size: true}\n");
        Assert.Equal("acc", TaskLoader.Load(folder.Path, "all.yaml").PrimaryMetric);
    }

    [Fact]
    public void The_harness_way_of_naming_files_is_read()
    {
        using var folder = new TinyFolder();
        folder.File("task.yaml", Choice.Replace("data: rows.jsonl",
            "dataset_path: json\ndataset_kwargs: {data_files: {train: train.jsonl, "
            + "test: rows.jsonl}}\ntest_split: test\nfewshot_split: train"));
        folder.File("rows.jsonl", Row("test"));
        folder.File("train.jsonl", Row("train"));
        Assert.Equal(
            "Q: train\nA: yy\n\nQ: test\nA:", TaskLoader.Load(folder.Path, "task.yaml", fewshot: 1).Items[0].Requests[0].Context);
    }

    [Fact]
    public void A_limit_takes_the_first_rows() =>
        Assert.Equal(2, Load(Choice, Row("a") + Row("b") + Row("c"), limit: 2).Items.Count);

    [Fact]
    public void The_digest_tells_definition_data_examples_and_limit_apart_and_nothing_else()
    {
        var rows = Row("a") + Row("b") + Row("c");
        var digest = Load(Choice, rows).Digest;
        Assert.Equal(digest, Load("# a remark\n" + Choice, rows, metric: "acc_norm").Digest);
        var others = new[]
        {
            Load(Choice.Replace("Q:", "R:"), rows).Digest, Load(Choice, rows + " ").Digest, Load(Choice, rows, fewshot: 1).Digest,
            Load(Choice, rows, limit: 2).Digest,
        };
        Assert.Equal(5, others.Append(digest).Distinct().Count());
    }

    [Theory]
    [InlineData("doc_to_txt: x\n", "did you mean `doc_to_text`")]
    [InlineData("metric_list: [{metric: bleu}]\n", "acc or acc_norm or acc_bytes")]
    [InlineData("metric_list: [{metric: acc, agregation: mean}]\n", "did you mean `aggregation`")]
    [InlineData("metric_list: [{metric: acc, higher_is_better: false}]\n", "must be `true`")]
    [InlineData("filter_list: [{name: a, filter: []}]\n", "generate_until alone")]
    [InlineData("generation_kwargs: {do_sample: true}\n", "must be `false`")]
    [InlineData("generation_kwargs: {temperature: 0.5}\n", "do_sample `false`")]
    [InlineData("generation_kwargs: {num_beams: 4}\n", "must be 1")]
    [InlineData("num_fewshot: -1\n", "at least 0")]
    [InlineData("fewshot_config: {fewshot_indices: [0, -1]}\n", "at least 0")]
    [InlineData("process_docs: !function utils.process_docs\n", "is not run")]
    [InlineData("process_results: !function utils.other\n", "which is not run")]
    [InlineData("description: !function utils.other\n", "which is not run")]
    [InlineData("include: nothing.yaml\n", "there is no file")]
    [InlineData("include: task.yaml\n", "includes itself")]
    [InlineData("fewshot_config: {sampler: balanced}\n", "first_n")]
    [InlineData("unsafe_code: true\n", "never run")]
    [InlineData("a: !python/object x\n", "tags are not supported")]
    public void A_wrong_key_or_value_in_a_task_file_is_named(string more, string named)
    {
        var message = Bad(Choice + more, Row("a"));
        Assert.Contains("task.yaml", message);
        Assert.Contains(named, message);
    }

    [Theory]
    [InlineData("{{q | upcase}}")]
    [InlineData("{{q")]
    [InlineData("{% include 'x' %}")]
    [InlineData("{{q.joined(choices)}}")]
    [InlineData("{{questoin}}")]
    [InlineData("{{q @ 1}}")]
    public void A_template_that_is_not_supported_is_refused(string template) =>
        Assert.Contains("doc_to_text", Bad(Choice.Replace("\"Q: {{q}}\\nA:\"", $"\"{template}\""), Row("a")));

    [Theory]
    [InlineData("", "has no rows")]
    [InlineData("\n\n", "has no rows")]
    [InlineData("{\"q\": 1", "line 1")]
    [InlineData("[1]", "line 1")]
    [InlineData("{\"q\": \"a\", \"q\": \"b\"}", "line 1")]
    [InlineData("{\"q\": \"a\", \"choices\": [\"x\", \"y\"], \"answer\": 2}", "out of range")]
    [InlineData("{\"q\": \"a\", \"choices\": [\"x\", \"y\"], \"answer\": -1}", "out of range")]
    [InlineData("{\"q\": \"a\", \"choices\": [\"x\", \"y\"], \"answer\": \"z\"}", "none of the choices")]
    [InlineData("{\"q\": \"a\", \"choices\": [\"x\", \"y\"], \"answer\": null}", "is null")]
    [InlineData("{\"q\": \"a\", \"choices\": [\"x\"], \"answer\": 0}", "at least two")]
    [InlineData("{\"q\": \"a\", \"choices\": [\"x\", \"\"], \"answer\": 0}", "empty")]
    [InlineData("{\"q\": \"a\", \"choices\": [1, 2], \"answer\": 0}", "list of texts")]
    [InlineData("{\"choices\": [\"x\", \"y\"], \"answer\": 0}", "`q` is not defined; defined are answer, choices")]
    public void A_wrong_row_is_named(string rows, string named)
    {
        var message = Bad(Choice, rows);
        Assert.Contains("rows.jsonl", message);
        Assert.Contains(named, message);
    }

    [Fact]
    public void The_line_of_a_wrong_row_counts_empty_lines() =>
        Assert.Contains("line 3", Bad(Choice, Row("a") + "\n" + Row("b", "7")));

    [Fact]
    public void Too_few_rows_to_draw_examples_from_are_refused()
    {
        Assert.Contains("at least 3 rows", Bad(Choice, Row("a") + Row("b"), fewshot: 2));
        Assert.Contains("every row must be different", Bad(Choice, Row("a") + Row("a") + Row("a"), fewshot: 2));
    }

    [Fact]
    public void A_metric_that_is_not_measured_a_wrong_limit_and_a_wrong_number_of_examples_are_refused()
    {
        Assert.Contains("acc or acc_norm", Bad(Choice, Row("a"), metric: "f1"));
        Assert.Contains("limit", Bad(Choice, Row("a"), limit: 0));
        Assert.Contains("fewshot", Bad(Choice, Row("a"), fewshot: -1));
    }

    [Fact]
    public void A_task_that_is_not_there_is_refused_with_the_nearest_name()
    {
        using var folder = new TinyFolder();
        Assert.Contains(
            "did you mean winogrande", Assert.Throws<BadInputException>(() => TaskLoader.Load(folder.Path, "winogrand")).Message);
        Assert.Contains("data", Assert.Throws<BadInputException>(() => TaskLoader.Load(folder.Path, "gsm8k")).Message);
        Assert.Contains(
            "is missing", Assert.Throws<BadInputException>(() => TaskLoader.Load(folder.Path, "gsm8k", "no.jsonl")).Message);
    }
}
