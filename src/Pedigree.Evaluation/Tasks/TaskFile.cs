using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>Reads a task's YAML: the harness's field names, and data and fewshot_data for files of rows.</summary>
internal static class TaskFile
{
    public static TaskDefinition Read(ConfigurationMapping task)
    {
        var name = task.RequiredString("task");
        var type = ReadType(task);
        var choices = task.Optional("doc_to_choice") is { } node ? TaskTemplate.Read(node) : null;
        if (choices is null && type == OutputType.MultipleChoice)
            throw task.Error("must have the key `doc_to_choice`");
        if (type != OutputType.GenerateUntil && task.Optional("filter_list") is { } filters)
            throw filters.Error("is for generate_until alone: other kinds of task have no output to filter");
        var text = TaskTemplate.Read(task.Required("doc_to_text"));
        var target = TaskTemplate.Read(task.Required("doc_to_target"));
        var targetDelimiter = task.OptionalString("target_delimiter") ?? " ";
        var definition = new TaskDefinition
        {
            Name = name,
            Alias = task.OptionalString("task_alias") ?? name,
            File = task.At.File,
            Type = type,
            Text = text,
            Choices = choices,
            Target = target,
            TargetDelimiter = targetDelimiter,
            Description = task.Optional("description") is { } description ? TaskTemplate.Read(description) : null,
            AnswerPrefix = AnswerPrefix(task),
            Fewshot = Fewshot(task, text, choices, target, targetDelimiter),
            Data = Data(task),
            AddedFields = TaskFunctions.Fields(task),
            Limit = Whole(task, "limit", 1),
            Generation = Generation(
                task.OptionalMapping("generation_kwargs"), task.OptionalString("fewshot_delimiter") ?? "\n\n"),
            Metrics = MetricFile.Read(task.OptionalSequence("metric_list"), type),
            Filters = FilterFile.Read(task.OptionalSequence("filter_list")),
            Rule = TaskFunctions.Rule(task.Optional("process_results")),
            Version = (task.Optional("metadata") as ConfigurationMapping)?.Optional("version")?.ToJson(),
            Keys = task.ToJson(),
            Canonical = Canonical(task),
        };
        Whole(task, "repeats", 1); // Outputs are greedy, so repeats are all alike, and one stands for them.
        if (task.OptionalBoolean("unsafe_code") == true)
            throw task.Required("unsafe_code").Error("must be `false`: what a model writes is never run");
        foreach (var ignored in (string[])["tag", "should_decontaminate", "doc_to_decontamination_query"])
            task.Optional(ignored);
        task.RefuseUnknownKeys();
        return definition;
    }

    public static int? Whole(ConfigurationMapping mapping, string key, int least) =>
        mapping.Optional(key) is { } node ? Whole(node, least) : null;

    private static int Whole(ConfigurationNode node, int least) =>
        node.AsInteger() is var value && value >= least && value <= int.MaxValue ? (int)value
            : throw node.Error($"must be a whole number of at least {least}");

    public static Regex Pattern(ConfigurationNode node)
    {
        try
        {
            // Python names groups with a P.
            return UntrustedRegex.Of(node.AsString().Replace("(?P<", "(?<", StringComparison.Ordinal));
        }
        catch (ArgumentException error)
        {
            throw node.Error($"is not a regular expression: {error.Message}");
        }
    }

    private static TaskTemplate? AnswerPrefix(ConfigurationMapping mapping) =>
        mapping.Optional("gen_prefix") is { } node && node.AsString().Length > 0 ? TaskTemplate.Read(node) : null;

    /// <summary>A kind of task by its name in task files.</summary>
    private static readonly Dictionary<string, OutputType> Types = new(StringComparer.Ordinal)
    {
        ["multiple_choice"] = OutputType.MultipleChoice,
        ["loglikelihood"] = OutputType.LogLikelihood,
        ["loglikelihood_rolling"] = OutputType.LogLikelihoodRolling,
        ["generate_until"] = OutputType.GenerateUntil,
    };

    public static string NameOf(OutputType type) => Types.First(known => known.Value == type).Key;

    private static OutputType ReadType(ConfigurationMapping task) =>
        task.Optional("output_type") is not { } node ? OutputType.GenerateUntil
            : Types.TryGetValue(node.AsString(), out var type) ? type
            : throw node.Error($"\"{node.AsString()}\" is not supported; use multiple_choice, "
                + "loglikelihood, loglikelihood_rolling or generate_until");

    /// <summary>
    /// data and fewshot_data; or dataset_path as a local folder; or the harness's way with files: dataset_path: json (or parquet)
    /// and dataset_kwargs: {data_files: {split: file}}.
    /// </summary>
    private static DataSettings Data(ConfigurationMapping task)
    {
        var path = task.OptionalString("dataset_path");
        var files = task.OptionalMapping("dataset_kwargs") is { } settings ? Files(settings) : null;
        var inFiles = path is "json" or "parquet";
        if (inFiles && files is null && task.Optional("data") is null)
            throw task.Required("dataset_path")
                .Error($"is {path}, so dataset_kwargs.data_files must name the file of each split");
        return new DataSettings(
            task.OptionalString("data"), task.OptionalString("fewshot_data"), inFiles || files is not null ? null : path,
            task.OptionalString("dataset_name"), files, task.OptionalString("test_split"),
            task.OptionalString("validation_split"),
            task.OptionalString("training_split"));
    }

    private static Dictionary<string, string>? Files(ConfigurationMapping settings)
    {
        settings.Optional("trust_remote_code");
        var files = settings.OptionalMapping("data_files")?.Members
            .ToDictionary(member => member.Key, member => member.Value.AsString());
        settings.RefuseUnknownKeys();
        return files;
    }

    private static FewshotSettings Fewshot(
        ConfigurationMapping task, TaskTemplate text, TaskTemplate? choices, TaskTemplate target, string targetDelimiter)
    {
        var delimiter = task.OptionalString("fewshot_delimiter") ?? "\n\n";
        var plain = new FewshotSettings(Whole(task, "num_fewshot", 0), false, task.OptionalString("fewshot_split"),
            null, text, choices, target, targetDelimiter, delimiter)
        {
            AnswerPrefix = AnswerPrefix(task),
        };
        if (task.OptionalMapping("fewshot_config") is not { } own)
            return plain;
        if (own.Optional("sampler") is { } sampler && sampler.AsString() is not ("default" or "first_n"))
            throw sampler.Error("must be default (drawn as Python draws with the seed 1234) or first_n");
        var samples = own.OptionalSequence("samples")
            ?.Select((sample, i) => new DataRow(task.At.File, i + 1, (JsonObject)sample.AsMapping().ToJson())).ToList();
        var result = plain with
        {
            FirstOnes = own.OptionalString("sampler") == "first_n",
            Split = own.OptionalString("split") ?? plain.Split,
            Samples = samples,
            Places = own.OptionalSequence("fewshot_indices")?.Select(place => Whole(place, 0)).ToList(),
            Text = own.Optional("doc_to_text") is { } ownText ? TaskTemplate.Read(ownText) : text,
            Choices = own.Optional("doc_to_choice") is { } ownChoices ? TaskTemplate.Read(ownChoices) : choices,
            Target = own.Optional("doc_to_target") is { } ownTarget ? TaskTemplate.Read(ownTarget) : target,
            TargetDelimiter = own.OptionalString("target_delimiter") ?? targetDelimiter,
            Delimiter = own.OptionalString("fewshot_delimiter") ?? delimiter,
            AnswerPrefix = AnswerPrefix(own) ?? plain.AnswerPrefix,
        };
        own.RefuseUnknownKeys();
        return result;
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
        // Without a word about do_sample the temperature decides; with `false` it is greedy whatever the temperature.
        var sample = settings.Optional("do_sample");
        if (sample?.AsBoolean() == true)
            throw sample.Error("must be `false`: outputs are greedy, so that they can be had again");
        if (settings.Optional("temperature") is { } temperature && temperature.AsNumber() != 0 && sample is null)
            throw temperature.Error("must be 0, or do_sample `false`: outputs are greedy, so that they can be had again");
        if (settings.Optional("num_beams") is { } beams && beams.AsInteger() != 1)
            throw beams.Error("must be 1: outputs are greedy");
        foreach (var ofSampling in (string[])["top_p", "top_k"])
            settings.Optional(ofSampling);
        int?[] limits = [.. ((string[])["max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"])
            .Select(key => Whole(settings, key, 1))];
        var most = limits.FirstOrDefault(limit => limit is not null);
        settings.RefuseUnknownKeys();
        return new GenerationSettings([.. until.Where(text => text.Length > 0)], most ?? 256);
    }

    private static JsonObject Canonical(ConfigurationMapping task)
    {
        string[] elsewhere = ["data", "fewshot_data", "dataset_path",
            "dataset_name", "dataset_kwargs", "num_fewshot", "limit", "tag", "metadata", "task_alias"];
        return new JsonObject(((JsonObject)task.ToJson()!).Where(member => !elsewhere.Contains(member.Key))
            .OrderBy(member => member.Key, StringComparer.Ordinal)
            .Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
    }
}
