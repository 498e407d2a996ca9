using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>Reads a task's YAML: the harness's field names, and data and fewshot_data for the JSONL files.</summary>
internal static class TaskFile
{
    public static TaskDefinition Read(string file, string yaml)
    {
        var task = ConfigurationReader.Parse(file, yaml);
        var name = task.RequiredString("task");
        var typeNode = task.Required("output_type");
        var type = typeNode.AsString() switch
        {
            "multiple_choice" => OutputType.MultipleChoice,
            "loglikelihood" => OutputType.LogLikelihood,
            "generate_until" => OutputType.GenerateUntil,
            var other => throw typeNode.Error($"\"{other}\" is not supported; use multiple_choice, loglikelihood or generate_until"),
        };
        var fewshotDelimiter = task.OptionalString("fewshot_delimiter") ?? "\n\n";
        var choices = task.Optional("doc_to_choice") switch
        {
            null when type == OutputType.MultipleChoice => throw task.Error("must have the key `doc_to_choice`"),
            null => [],
            ConfigurationSequence list => list.Items.Select(Template.Read).ToList(),
            var single => [Template.Read(single)],
        };
        if (type != OutputType.GenerateUntil && task.Optional("filter_list") is { } filters)
            throw filters.Error("is for generate_until alone: other kinds of task have no output to filter");
        var (data, fewshotData) = DataFiles(task);
        var definition = new TaskDefinition(
            name, file, type, Template.Read(task.Required("doc_to_text")), choices, Template.Read(task.Required("doc_to_target")),
            task.OptionalString("target_delimiter") ?? " ", fewshotDelimiter, task.OptionalString("description") ?? "",
            Whole(task, "num_fewshot", 0) ?? 0, data, fewshotData, Whole(task, "limit", 1),
            Generation(task.OptionalMapping("generation_kwargs"), fewshotDelimiter),
            Metrics(task.OptionalSequence("metric_list"), type), Filters(task.OptionalSequence("filter_list")),
            Canonical(task));
        if (task.Optional("repeats") is { } repeats && repeats.AsInteger() != 1)
            throw repeats.Error("must be 1: outputs are greedy, so repeats are all alike");
        foreach (var ignored in (string[])["dataset_name", "tag", "metadata", "should_decontaminate", "doc_to_decontamination_query"])
            task.Optional(ignored);
        task.RefuseUnknownKeys();
        return definition;
    }

    /// <summary>
    /// data and fewshot_data; or the harness's way with files: dataset_path: json, dataset_kwargs: {data_files: {split: file}} and
    /// the names of the splits.
    /// </summary>
    private static (string? Data, string? FewshotData) DataFiles(ConfigurationMapping task)
    {
        var (data, fewshot) = (task.OptionalString("data"), task.OptionalString("fewshot_data"));
        var split = task.OptionalString("test_split") ?? task.OptionalString("validation_split");
        var fewshotSplit = task.OptionalString("fewshot_split") ?? task.OptionalString("training_split");
        task.Optional("validation_split");
        task.Optional("training_split");
        if (task.Optional("dataset_path") is { } path && path.AsString() != "json")
            throw path.Error("must be `json`, with the files under dataset_kwargs.data_files; data sets are not downloaded");
        if (task.OptionalMapping("dataset_kwargs") is not { } settings)
            return (data, fewshot);
        var files = settings.RequiredMapping("data_files");
        settings.RefuseUnknownKeys();
        string? File(string? name) => name is null || !files.Members.Any(member => member.Key == name) ? null : files.RequiredString(name);
        data ??= File(split) ?? throw files.Error("must name the file of the split that test_split or validation_split names");
        return (data, fewshot ?? (fewshotSplit == split ? null : File(fewshotSplit)));
    }

    private static GenerationSettings Generation(ConfigurationMapping? settings, string fewshotDelimiter)
    {
        if (settings is null)
            return new([fewshotDelimiter], 256);
        var until = settings.Optional("until") switch
        {
            null => [fewshotDelimiter],
            ConfigurationSequence list => list.Items.Select(item => item.AsString()).ToList(),
            var single => [single.AsString()],
        };
        if (settings.Optional("do_sample") is { } sample && sample.AsBoolean())
            throw sample.Error("must be `false`: outputs are greedy, so that they can be had again");
        if (settings.Optional("temperature") is { } temperature && temperature.AsNumber() != 0)
            throw temperature.Error("must be 0: outputs are greedy, so that they can be had again");
        var result = new GenerationSettings([.. until.Where(text => text.Length > 0)], Whole(settings, "max_gen_toks", 1) ?? 256);
        settings.RefuseUnknownKeys();
        return result;
    }

    private static List<MetricSettings> Metrics(IReadOnlyList<ConfigurationNode>? list, OutputType type)
    {
        string[] known = type switch
        {
            OutputType.MultipleChoice => ["acc", "acc_norm", "acc_bytes"],
            OutputType.LogLikelihood => ["acc", "perplexity"],
            _ => ["exact_match"],
        };
        if (list is not { Count: > 0 })
            return [.. known.Take(type == OutputType.MultipleChoice ? 2 : known.Length).Select(name => new MetricSettings(name, false, false, []))];
        var metrics = list.Select(node =>
        {
            var entry = node.AsMapping();
            var nameNode = entry.Required("metric");
            var name = nameNode.AsString();
            if (!known.Contains(name))
                throw nameNode.Error($"\"{name}\" is not supported here; use {string.Join(" or ", known)}");
            var perplexity = name == "perplexity";
            if (entry.Optional("aggregation") is { } aggregation && aggregation.AsString() != (perplexity ? name : "mean"))
                throw aggregation.Error($"must be `{(perplexity ? name : "mean")}`");
            if (entry.Optional("higher_is_better") is { } higher && higher.AsBoolean() == perplexity)
                throw higher.Error($"must be `{(perplexity ? "false" : "true")}` for {name}");
            MetricSettings result = new(name, false, false, []);
            if (type == OutputType.GenerateUntil)
                result = new MetricSettings(name, entry.OptionalBoolean("ignore_case") ?? false, entry.OptionalBoolean("ignore_punctuation") ?? false,
                    [.. (entry.OptionalSequence("regexes_to_ignore") ?? []).Select(Pattern)]);
            entry.RefuseUnknownKeys();
            return result;
        }).ToList();
        if (metrics.DistinctBy(metric => metric.Name).Count() < metrics.Count)
            throw list[0].Error("must have each metric once");
        return metrics;
    }

    private static List<FilterSettings> Filters(IReadOnlyList<ConfigurationNode>? list)
    {
        var filters = (list ?? []).Select(node =>
        {
            var entry = node.AsMapping();
            var filter = new FilterSettings(entry.RequiredString("name"), [.. entry.RequiredSequence("filter").Select(Step)]);
            entry.RefuseUnknownKeys();
            return filter;
        }).ToList();
        return filters.Count > 0 ? filters : [new FilterSettings("none", [])];
    }

    private static Func<string, string> Step(ConfigurationNode node)
    {
        var step = node.AsMapping();
        var function = step.Required("function");
        Func<string, string> result = function.AsString() switch
        {
            "take_first" => text => text,
            "remove_whitespace" => text => text.TrimStart(),
            "lowercase" => text => text.ToLowerInvariant(),
            "regex" => Extract(step),
            var other => throw function.Error($"\"{other}\" is not supported; use regex, take_first, remove_whitespace or lowercase"),
        };
        step.RefuseUnknownKeys();
        return result;
    }

    /// <summary>
    /// The match number group_select (from the end where negative): whole, or its only group, or the first of its groups that is
    /// not empty; trimmed. Where nothing matches, the fallback.
    /// </summary>
    private static Func<string, string> Extract(ConfigurationMapping step)
    {
        var pattern = Pattern(step.Required("regex_pattern"));
        var select = (int)(step.OptionalInteger("group_select") ?? 0);
        var fallback = step.OptionalString("fallback") ?? "[invalid]";
        return text =>
        {
            var matches = pattern.Matches(text);
            var place = select < 0 ? matches.Count + select : select;
            if (place < 0 || place >= matches.Count)
                return fallback;
            var groups = matches[place].Groups.Values.Select(group => group.Value).ToList();
            var found = groups.Count <= 2 ? groups[^1] : groups.Skip(1).FirstOrDefault(group => group.Length > 0);
            return found?.Trim() ?? fallback;
        };
    }

    private static Regex Pattern(ConfigurationNode node)
    {
        try
        {
            return new Regex(node.AsString(), RegexOptions.CultureInvariant);
        }
        catch (ArgumentException e)
        {
            throw node.Error($"is not a regular expression: {e.Message}");
        }
    }

    private static int? Whole(ConfigurationMapping mapping, string key, int least) =>
        mapping.Optional(key) is not { } node ? null
            : node.AsInteger() is var value && value >= least && value <= int.MaxValue ? (int)value
            : throw node.Error($"must be a whole number of at least {least}");

    private static JsonObject Canonical(ConfigurationMapping task)
    {
        string[] elsewhere = ["data", "fewshot_data", "dataset_path", "dataset_name", "dataset_kwargs", "num_fewshot", "limit", "tag", "metadata"];
        return new JsonObject(((JsonObject)task.ToJson()!).Where(member => !elsewhere.Contains(member.Key))
            .OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
    }
}
