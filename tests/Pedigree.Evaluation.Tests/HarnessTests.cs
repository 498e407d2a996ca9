using System.Text.Json.Nodes;
using Pedigree.Evaluation.Harness;
using Pedigree.Evaluation.Tasks;
using Xunit;

namespace Pedigree.Evaluation.Tests;

public class HarnessTests
{
    [Fact]
    public void The_samples_of_a_task_whose_name_would_climb_stay_beside_the_results()
    {
        using var folder = new TinyFolder();
        folder.File("rows.jsonl", """{"q": "a", "choices": ["x", "y"], "answer": 0}""");
        folder.File("one.yaml", "task: a/../../../one\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: choices\ndoc_to_target: answer\ndata: rows.jsonl\n");
        var results = Evaluator.Evaluate(folder.Checkpoint(), [TaskLoader.Load(folder.Path, "one.yaml")], new() { Device = "cpu" });
        HarnessFiles.Write(results, Path.Combine(folder.Path, "deep", "out.json"), folder.Path, new(), samples: true, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
        Assert.Equal(["out_1970-01-01T00-00-00.000000.json", "samples_a__..__..__..__one_1970-01-01T00-00-00.000000.jsonl"],
            Directory.GetFiles(Path.Combine(folder.Path, "deep")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Empty(Directory.GetFiles(folder.Path, "one_*", SearchOption.AllDirectories));
    }

    [Fact]
    public void The_results_file_has_the_keys_of_the_harness()
    {
        using var folder = new TinyFolder();
        folder.File("rows.jsonl", """{"q": "a", "choices": ["x", "y"], "answer": 0}""");
        folder.File("one.yaml", "task: one\noutput_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: choices\ndoc_to_target: answer\ndata: rows.jsonl\n");
        folder.File("all.yaml", "group: all\ntask: [one]\naggregate_metric_list: [{metric: acc}]\n");
        var results = Evaluator.Evaluate(folder.Checkpoint(), [TaskLoader.Load(folder.Path, "all.yaml")], new() { Device = "cpu" });
        var began = DateTimeOffset.UnixEpoch;
        var file = HarnessFiles.Write(results, Path.Combine(folder.Path, "out.json"), folder.Path, new(), samples: true, began, began.AddSeconds(1.5));
        Assert.Equal("out_1970-01-01T00-00-01.500000.json", Path.GetFileName(file));
        var json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        string[] keys =
        [
            "results", "groups", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "config", "git_hash", "date", "pretty_env_info",
            "transformers_version", "lm_eval_version", "upper_git_hash", "task_hashes", "model_source", "model_name", "model_name_sanitized", "system_instruction",
            "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha", "total_evaluation_time_seconds",
        ];
        Assert.Empty(keys.Except(json.Select(member => member.Key)));
        string[] settings =
        [
            "model", "model_args", "batch_size", "batch_sizes", "device", "use_cache", "limit", "bootstrap_iters", "gen_kwargs", "random_seed", "numpy_seed", "torch_seed",
            "fewshot_seed",
        ];
        Assert.Equal(settings, json["config"]!.AsObject().Select(member => member.Key));
        Assert.Equal("1.5", (string?)json["total_evaluation_time_seconds"]);
        var sample = JsonNode.Parse(File.ReadLines(Directory.GetFiles(folder.Path, "samples_one_*.jsonl").Single()).Single())!.AsObject();
        string[] parts = ["doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash", "target_hash", "acc", "acc_norm"];
        Assert.Equal(parts, sample.Select(member => member.Key));
    }

    [Fact]
    public void The_table_is_the_harness_table()
    {
        using var folder = new TinyFolder();
        folder.File("g.jsonl", """{"question": "How much?", "answer": "#### 4"}""" + "\n" + """{"question": "How many?", "answer": "#### 5"}""");
        var task = TaskLoader.Load(folder.Path, "gsm8k", "g.jsonl", fewshot: 1);
        var result = TaskScores.OfTask(task, [.. task.Items.Select(item => TaskScores.OfWritten(task, item, " It is 4.\n#### 4"))]);
        Assert.Equal("""
            |Tasks|Version|     Filter     |n-shot|  Metric   |   |Value |   |Stderr|
            |-----|------:|----------------|-----:|-----------|---|-----:|---|-----:|
            |gsm8k|      3|flexible-extract|     1|exact_match|↑  |0.5000|±  |0.5000|
            |     |      3|strict-match    |     1|exact_match|↑  |0.5000|±  |0.5000|

            """, HarnessTable.Write(new EvaluationResults([result])), ignoreLineEndingDifferences: true);
    }
}
