using System.Text.Json.Nodes;
using Pedigree.Evaluation.Harness;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tasks;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests;

public class HarnessTests
{
    [Fact]
    public void The_samples_of_a_task_whose_name_would_climb_stay_beside_the_results()
    {
        using var folder = new TinyFolder();
        folder.File("rows.jsonl", """{"q": "a", "choices": ["x", "y"], "answer": 0}""");
        folder.File("one.yaml", "task: a/../../../one\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: "
            + "choices\ndoc_to_target: answer\ndata: rows.jsonl\n");
        var results = Evaluator.Evaluate(
            folder.Checkpoint(), [TaskLoader.Load(folder.Path, "one.yaml")], new() { Device = "cpu" });
        HarnessFiles.Write(results, Path.Combine(folder.Path, "deep",
            "out.json"), folder.Path, new(), samples: true, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
        Assert.Equal(
            ["out_1970-01-01T00-00-00.000000.json", "samples_a__..__..__..__one-525a6f3d_1970-01-01T00-00-00.000000.jsonl"],
            Directory.GetFiles(Path.Combine(folder.Path, "deep")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Empty(Directory.GetFiles(folder.Path, "one_*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Tasks_whose_names_differ_in_what_no_file_name_may_have_or_are_very_long_have_files_of_their_own()
    {
        using var folder = new TinyFolder();
        folder.File("rows.jsonl", """{"q": "a", "choices": ["x", "y"], "answer": 0}""");
        string[] names = ["a/b", "a:b", $"{new string('a', 400)}b", $"{new string('a', 400)}c", $"{new string('é', 100)}"];
        var tasks = names.Select((name, i) => TaskLoader.Load(folder.Path, folder.File($"{i}.yaml",
            $"task: \"{name}\"\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: "
            + "choices\ndoc_to_target: answer\ndata: rows.jsonl\n"))).ToList();
        var output = Path.Combine(folder.Path, "out");
        HarnessFiles.CheckWritable(output, new string('m', 400));
        HarnessFiles.Write(Evaluator.Evaluate(folder.Checkpoint(), tasks, new() { Device = "cpu", BootstrapDraws = 0 }),
            output, new string('m', 400), new(), samples: true,
            DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
        Assert.Equal(names.Length, Directory.GetFiles(Directory.GetDirectories(output).Single(), "samples_*.jsonl").Length);
    }

    [Fact]
    public void A_path_with_a_longer_name_than_can_be_is_refused_before_anything_is_computed()
    {
        using var folder = new TinyFolder();
        foreach (var path in (string[])[
            $"{new string('a', 300)}/out", $"{new string('a', 300)}/out.json", $"{new string('a', 200)}.json"])
            Assert.Contains(
                "long",
                Assert.Throws<BadInputException>(() => HarnessFiles.CheckWritable(Path.Combine(folder.Path, path), "m")).Message,
                StringComparison.Ordinal);
    }

    [Fact]
    public void Each_task_is_described_as_the_harness_does_its_file_and_what_holds_where_that_is_silent()
    {
        using var folder = new TinyFolder();
        folder.File("other.jsonl", string.Concat(Enumerable.Range(0, 3).Select(i => $$"""{"q": "a{{i}}", "a": "x"}""" + "\n")));
        folder.File("one.yaml", "task: one\ndoc_to_text: q\ndoc_to_target: a\ndata: rows.jsonl\nfewshot_config: "
            + "{sampler: first_n}\ngeneration_kwargs: {max_new_tokens: 3}\n"
            + "tag: [b]\nfilter_list: [{name: up, filter: [{function: uppercase}]}]\nmetadata: {version: 2.5, by: us}\n");
        folder.File("all.yaml",
            "group: all\ntask: [one]\naggregate_metric_list: [{metric: exact_match}]\nmetadata: {version: 2}\n");
        var json = Evaluator.Evaluate(folder.Checkpoint(),
            [TaskLoader.Load(folder.Path, "all.yaml", "other.jsonl", fewshot: 1, limit: 2)], new() { Device = "cpu" }).ToJson();
        Assert.Equal(["2", "2.5"], json["versions"]!.AsObject().Select(version => version.Value!.ToString()));
        Assert.Equal([1, 1], json["n-shot"]!.AsObject().Select(shots => (int)shots.Value!));
        Assert.Equal("""{"original":3,"effective":2}""", json["n-samples"]!["one"]!.ToJsonString());
        Assert.Equal("""{"exact_match,up":2}""", json["results"]!["all"]!["sample_count"]!.ToJsonString());
        Assert.Equal("""{"exact_match":true}""", json["higher_is_better"]!["all"]!.ToJsonString());
        var other = JsonValue.Create(Path.Combine(folder.Path, "other.jsonl")).ToJsonString();
        Assert.Equal($$$"""
            {"task":"one","tag":["b"],"data":{{{other}}},"doc_to_text":"q","doc_to_target":"a","unsafe_code":false,"description":"","target_delimiter":" ",
            "fewshot_delimiter":"\n\n","fewshot_config":{"sampler":"first_n","split":null,"fewshot_indices":null,"samples":null,"process_docs":null,"doc_to_text":"q",
            "doc_to_choice":null,"doc_to_target":"a","gen_prefix":null,"fewshot_delimiter":"\n\n","target_delimiter":" "},"num_fewshot":1,"limit":2,
            "output_type":"generate_until","generation_kwargs":{"until":["\n\n"],"max_gen_toks":3,"do_sample":false,"temperature":0},"repeats":1,
            "filter_list":[{"name":"up","filter":[{"function":"uppercase"}]}],"should_decontaminate":false,"metadata":{"version":2.5,"by":"us"}}
            """.ReplaceLineEndings(""), json["configs"]!["one"]!.ToJsonString());
    }

    [Fact]
    public void The_results_file_has_the_keys_of_the_harness()
    {
        using var folder = new TinyFolder();
        folder.File("rows.jsonl", """{"q": "a", "choices": ["x", "y"], "answer": 0}""");
        folder.File("one.yaml", "task: one\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: "
            + "choices\ndoc_to_target: answer\ndata: rows.jsonl\n");
        folder.File("all.yaml", "group: all\ntask: [one]\naggregate_metric_list: [{metric: acc}]\n");
        var results = Evaluator.Evaluate(
            folder.Checkpoint(), [TaskLoader.Load(folder.Path, "all.yaml")], new() { Device = "cpu" });
        var began = DateTimeOffset.UnixEpoch;
        var file = HarnessFiles.Write(
            results, Path.Combine(folder.Path, "out.json"), folder.Path, new(), samples: true, began, began.AddSeconds(1.5));
        Assert.Equal("out_1970-01-01T00-00-01.500000.json", Path.GetFileName(file));
        var json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        string[] keys =
        [
            "results", "groups", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "config",
            "git_hash", "date", "pretty_env_info",
            "transformers_version", "lm_eval_version", "upper_git_hash", "tokenizer_pad_token", "tokenizer_eos_token",
            "tokenizer_bos_token", "eot_token_id",
            "max_length", "task_hashes", "model_source", "model_name", "model_name_sanitized", "system_instruction",
            "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha",
            "total_evaluation_time_seconds",
        ];
        Assert.Empty(keys.Except(json.Select(member => member.Key)));
        string[] settings =
        [
            "model", "model_args", "model_num_parameters", "model_dtype", "model_revision", "model_sha", "batch_size",
            "batch_sizes", "device", "use_cache", "limit", "bootstrap_iters", "gen_kwargs", "random_seed", "numpy_seed",
            "torch_seed",
            "fewshot_seed",
        ];
        Assert.Equal(settings, json["config"]!.AsObject().Select(member => member.Key));
        Assert.Equal("1.5", (string?)json["total_evaluation_time_seconds"]);
        Assert.Equal("<end> 0 128 torch.float32 100000",
            $"{json["tokenizer_eos_token"]![0]} {json["tokenizer_eos_token"]![1]} {json["max_length"]} "
            + $"{json["config"]!["model_dtype"]} {json["config"]!["bootstrap_iters"]}");
        var sample = JsonNode.Parse(File.ReadLines(Directory.GetFiles(folder.Path, "samples_one_*.jsonl").Single()).Single())!
            .AsObject();
        string[] parts = ["doc_id", "doc", "target", "arguments",
            "resps", "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash", "target_hash", "acc", "acc_norm"];
        Assert.Equal(parts, sample.Select(member => member.Key));
    }

    [Fact]
    public void Samples_have_answers_as_Python_writes_them_and_scores_as_its_aggregation_is_given_them()
    {
        using var folder = new TinyFolder();
        folder.File("w.jsonl", """{"sentence": "A _ b c", "option1": "x", "option2": "y", "answer": "2"}""");
        folder.File("p.jsonl", """{"page": "one two"}""");
        folder.File("g.jsonl", """{"question": "How much?", "answer": "#### 4"}""");
        folder.File("f.jsonl", """{"q": "a", "answer": 1}""");
        folder.File("f.yaml",
            "task: f\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: ['no', 'yes']\ndoc_to_target: "
            + "answer\nmetric_list: [{metric: f1}, {metric: acc}]\ndata: f.jsonl\n");
        var (winogrande, wikitext, gsm8k, f1) = (TaskLoader.Load(folder.Path, "winogrande",
            "w.jsonl"), TaskLoader.Load(folder.Path, "wikitext", "p.jsonl"),
            TaskLoader.Load(folder.Path, "gsm8k", "g.jsonl", fewshot: 0), TaskLoader.Load(folder.Path, "f.yaml"));
        TokenScores[] scores = [new([-1], false), new([-0.5], true)];
        string Scored(EvaluationTask task, params TokenScores[] scores) =>
            Sample(task, TaskScores.OfScored(task, task.Items[0], scores));
        string Sample(EvaluationTask task, ItemResult result)
        {
            var sample = HarnessSamples.Of(TaskScores.OfTask(task, [result])).First();
            return string.Join(' ', ((string[])["target", "arguments", "resps", "filtered_resps",
                .. task.Definition!.Metrics.Select(metric => metric.Name)]).Select(key => sample[key]!.ToJsonString()));
        }
        Assert.Equal("""
            "b c" {"gen_args_0":{"arg_0":"A x","arg_1":" b c"},"gen_args_1":{"arg_0":"A y","arg_1":" b c"}} [[["-1.0","False"]],[["-0.5","True"]]] [["-1.0","False"],["-0.5","True"]] 1
            """, Scored(winogrande, scores));
        Assert.Equal("""
            "1" {"gen_args_0":{"arg_0":"a","arg_1":" no"},"gen_args_1":{"arg_0":"a","arg_1":" yes"}} [[["-1.0","False"]],[["-0.5","True"]]] [["-1.0","False"],["-0.5","True"]] [1,1] 1
            """, Scored(f1, scores));
        Assert.Equal("""
            "one two" {"gen_args_0":{"arg_0":"one two"}} [["-1.0"]] ["-1.0"] [-1,2] [-1,7] [-1,7]
            """, Scored(wikitext, scores[0]));
        Assert.Contains("""
            "arg_1":{"until":["Question:","\u003C/s\u003E","\u003C|im_end|\u003E"],"max_gen_toks":256,"do_sample":false,"temperature":0}}} [[" 4"]] ["[invalid]"] 0
            """, Sample(gsm8k, TaskScores.OfWritten(gsm8k, gsm8k.Items[0], " 4")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_table_is_the_harness_table()
    {
        using var folder = new TinyFolder();
        folder.File("g.jsonl",
            """{"question": "How much?", "answer": "#### 4"}""" + "\n" + """{"question": "How many?", "answer": "#### 5"}""");
        var task = TaskLoader.Load(folder.Path, "gsm8k", "g.jsonl", fewshot: 1);
        var result = TaskScores.OfTask(
            task, [.. task.Items.Select(item => TaskScores.OfWritten(task, item, " It is 4.\n#### 4"))]);
        Assert.Equal("""
            |Tasks|Version|     Filter     |n-shot|  Metric   |   |Value |   |Stderr|
            |-----|------:|----------------|-----:|-----------|---|-----:|---|-----:|
            |gsm8k|      3|flexible-extract|     1|exact_match|↑  |0.5000|±  |0.5000|
            |     |       |strict-match    |     1|exact_match|↑  |0.5000|±  |0.5000|

            """, HarnessTable.Write(new EvaluationResults([result])), ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void Groups_stand_before_their_members_in_order_of_names_and_once_more_alone()
    {
        using var folder = new TinyFolder();
        folder.File("rows.jsonl",
            """{"q": "a", "choices": ["x", "y"], "answer": 0}""" + "\n" + """{"q": "b", "choices": ["x", "y"], "answer": 0}""");
        foreach (var name in (string[])["a", "d", "c"])
            folder.File($"{name}.yaml", $"task: {name}\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: "
                + $"choices\ndoc_to_target: answer\ndata: rows.jsonl\nmetric_list: [{{metric: acc}}]\n");
        folder.File("b.yaml",
            "group: b\ngroup_alias: both\ntask: [d, c]\naggregate_metric_list: [{metric: acc}]\nmetadata: {version: 2}\n");
        var (single, group) = (TaskLoader.Load(folder.Path, "a.yaml"), TaskLoader.Load(folder.Path, "b.yaml", fewshot: 1));
        TaskResult Of(EvaluationTask task) => TaskScores.OfTask(
            task, [.. task.Items.Select(item => TaskScores.OfScored(task, item, [new([-1], false), new([-2], false)]))]);
        Assert.Equal("""
            |Tasks|Version|Filter|n-shot|Metric|   |Value |   |Stderr|
            |-----|------:|------|-----:|------|---|-----:|---|-----:|
            |both |      2|none  |     1|acc   |↑  |1.0000|±  |0.0000|
            | - c |   Yaml|none  |     1|acc   |↑  |1.0000|±  |0.0000|
            | - d |   Yaml|none  |     1|acc   |↑  |1.0000|±  |0.0000|
            |a    |   Yaml|none  |     0|acc   |↑  |1.0000|±  |0.0000|

            |Groups|Version|Filter|n-shot|Metric|   |Value |   |Stderr|
            |------|------:|------|-----:|------|---|-----:|---|-----:|
            |both  |      2|none  |     1|acc   |↑  |1.0000|±  |0.0000|

            """, HarnessTable.Write(new EvaluationResults([Of(single), TaskScores.OfGroup(
                group, group.Group!, [.. group.Members.Select(Of)])])), ignoreLineEndingDifferences: true);
    }
}
