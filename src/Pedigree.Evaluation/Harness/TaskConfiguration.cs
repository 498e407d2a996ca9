using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tasks;

namespace Pedigree.Evaluation.Harness;

/// <summary>A task as the harness's results describe it: the keys of its file, and what holds where the file is silent.</summary>
internal static class TaskConfiguration
{
    private static readonly string[] Order =
    [
        "task", "task_alias", "tag", "data", "fewshot_data", "dataset_path", "dataset_name", "dataset_kwargs", "training_split",
        "validation_split", "test_split", "fewshot_split", "process_docs", "doc_to_text", "doc_to_target", "unsafe_code",
        "doc_to_choice", "process_results", "description", "target_delimiter", "fewshot_delimiter", "fewshot_config",
        "num_fewshot", "limit", "metric_list", "output_type", "generation_kwargs", "repeats", "filter_list",
        "should_decontaminate", "doc_to_decontamination_query", "gen_prefix", "metadata",
    ];

    /// <summary>
    /// The configuration of a task that is no group. Like the harness's it has no nulls but within fewshot_config.
    /// </summary>
    public static JsonObject Of(EvaluationTask task)
    {
        var definition = task.Definition!;
        var config = (JsonObject)definition.Keys.DeepClone();
        config["num_fewshot"] = task.Fewshot;
        config["output_type"] = TaskFile.NameOf(definition.Type);
        if (task.Data is { } data)
            config["data"] = data;
        if (task.Limit is { } limit)
            config["limit"] = limit;
        if (definition.Type == OutputType.GenerateUntil)
            config["generation_kwargs"] = Generation(definition.Generation);
        foreach (var (key, value) in ((string, JsonNode)[])[
            ("unsafe_code", false), ("description", ""), ("target_delimiter", " "), ("fewshot_delimiter", "\n\n"),
            ("repeats", 1), ("should_decontaminate", false)])
            config.TryAdd(key, value);
        config["fewshot_config"] = Fewshot(config);
        return new(config.Where(member => member.Value is not null).OrderBy(member => Array.IndexOf(Order, member.Key))
            .Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
    }

    /// <summary>generation_kwargs, as they hold.</summary>
    public static JsonObject Generation(GenerationSettings settings) => new()
    {
        ["until"] = new JsonArray([.. settings.Until.Select(stop => (JsonNode)stop)]),
        ["max_gen_toks"] = settings.MaxTokens,
        ["do_sample"] = false,
        ["temperature"] = 0.0,
    };

    /// <summary>fewshot_config: what it does not say itself is the task's.</summary>
    private static JsonObject Fewshot(JsonObject config)
    {
        var own = config["fewshot_config"] as JsonObject ?? [];
        var fewshot = new JsonObject
        {
            ["sampler"] = "default",
            ["split"] = config["fewshot_split"]?.DeepClone(),
            ["fewshot_indices"] = null,
            ["samples"] = null,
        };
        foreach (var key in (string[])["process_docs", "doc_to_text", "doc_to_choice", "doc_to_target", "gen_prefix",
            "fewshot_delimiter", "target_delimiter"])
            fewshot[key] = config[key]?.DeepClone();
        foreach (var (key, value) in own)
            fewshot[key] = value?.DeepClone();
        return fewshot;
    }
}
