using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tasks;

namespace Pedigree.Evaluation.Harness;

/// <summary>The harness's files: results_{time}.json, and samples_{task}_{time}.jsonl with a line for every row.</summary>
public static class HarnessFiles
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes them as the harness does: into {path}/{model}/, or where path ends in .json beside it.</summary>
    /// <param name="results">What was scored.</param>
    /// <param name="path">A folder, or a name ending in .json to which the time is added.</param>
    /// <param name="model">The model's folder.</param>
    /// <param name="options">How it was run.</param>
    /// <param name="samples">Whether to write the rows too.</param>
    /// <param name="began">When the evaluation began.</param>
    /// <param name="ended">When it ended; names the files.</param>
    /// <returns>Path of the results.</returns>
    public static string Write(
        EvaluationResults results, string path, string model, EvaluationOptions options, bool samples, DateTimeOffset began, DateTimeOffset ended)
    {
        var time = ended.ToString("yyyy-MM-dd'T'HH-mm-ss.ffffff", CultureInfo.InvariantCulture);
        var folder = HarnessNames.Folder(path, model);
        Directory.CreateDirectory(folder);
        var json = results.ToJson();
        json["config"] = new JsonObject
        {
            ["model"] = "pedigree",
            ["model_args"] = $"pretrained={model}{(options.DType is { } type ? $",dtype={type}" : "")}",
            ["model_num_parameters"] = results.Model?.Parameters,
            ["model_dtype"] = results.Model?.Precision,
            // What the harness has and nothing here corresponds to is null.
            ["model_revision"] = null,
            ["model_sha"] = null,
            ["batch_size"] = "auto",
            ["batch_sizes"] = new JsonArray(),
            ["device"] = options.Device,
            ["use_cache"] = null,
            ["limit"] = results.Tasks[0].Source.Limit,
            ["bootstrap_iters"] = options.BootstrapDraws,
            ["gen_kwargs"] = null,
            ["random_seed"] = null,
            ["numpy_seed"] = null,
            ["torch_seed"] = null,
            ["fewshot_seed"] = TaskLoader.FewshotSeed,
        };
        json["git_hash"] = null;
        json["date"] = began.ToUnixTimeMilliseconds() / 1000.0;
        json["pretty_env_info"] = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, {RuntimeInformation.FrameworkDescription}";
        json["transformers_version"] = null;
        json["lm_eval_version"] = null;
        json["upper_git_hash"] = null;
        if (results.Model is { Tokenizer: { } tokenizer } known)
        {
            json["tokenizer_pad_token"] = Token(null, null);
            json["tokenizer_eos_token"] = Token(tokenizer.EosText, tokenizer.EosId);
            json["tokenizer_bos_token"] = Token(tokenizer.BosText, tokenizer.BosId);
            json["eot_token_id"] = tokenizer.EosId;
            json["max_length"] = known.ContextLength;
        }
        json["pedigree_version"] = typeof(HarnessFiles).Assembly.GetName().Version?.ToString(3);
        json["task_hashes"] = new JsonObject();
        json["model_source"] = "pedigree";
        json["model_name"] = model;
        json["model_name_sanitized"] = HarnessNames.Model(model);
        var chat = results.Tasks[0].Source.Chat;
        json["system_instruction"] = chat.SystemInstruction;
        json["system_instruction_sha"] = chat.SystemInstruction is { Length: > 0 } instruction ? Hash(instruction) : null;
        json["fewshot_as_multiturn"] = chat.FewshotAsMultiturn ?? (chat.ApplyTemplate ? true : null);
        json["chat_template"] = results.ChatTemplate;
        json["chat_template_sha"] = results.ChatTemplate is { Length: > 0 } template ? Hash(template) : null;
        json["total_evaluation_time_seconds"] = (ended - began).TotalSeconds.ToString(CultureInfo.InvariantCulture);
        foreach (var task in samples ? results.Tasks.SelectMany(task => task.All()).Where(task => task.Members.Count == 0) : [])
        {
            var lines = Samples(task).ToList();
            json["task_hashes"]![task.Task] = Hash(string.Concat(lines.Select(line => $"{line["doc_hash"]}{line["prompt_hash"]}{line["target_hash"]}")));
            WriteWhole(Path.Combine(folder, $"samples_{HarnessNames.Task(task.Task)}_{time}.jsonl"), string.Concat(lines.Select(line => line.ToJsonString(OneLine) + "\n")));
        }
        var file = Path.Combine(folder, HarnessNames.IsSingle(path) ? $"{Path.GetFileNameWithoutExtension(path)}_{time}.json" : $"results_{time}.json");
        WriteWhole(file, json.ToJsonString(Readable));
        return file;
    }

    /// <summary>Finds out whether they can be written.</summary>
    /// <exception cref="Weights.BadInputException">They cannot.</exception>
    public static void CheckWritable(string path, string model) => HarnessNames.Check(path, model);

    /// <summary>A special token as the harness has it: its text, and its id as text.</summary>
    private static JsonArray Token(string? text, int? id) => [text, id is { } number ? $"{number}" : "None"];

    /// <summary>A line for every row and filter.</summary>
    internal static IEnumerable<JsonObject> Samples(TaskResult task) =>
        task.Source.Definition!.Filters.SelectMany(filter => task.Items.Select((item, i) => Sample(task.Source, item, filter, i)));

    private static JsonObject Sample(EvaluationTask task, ItemResult result, FilterSettings filter, int number)
    {
        var item = result.Item;
        JsonArray answers = result.Output is { } output ? [output]
            : [.. result.LogLikelihoods.Zip(result.IsGreedy, (sum, greedy) => (JsonNode)new JsonArray(sum, greedy))];
        JsonArray filtered = result.Output is { } text ? [filter.Apply(text)] : [.. answers.Select(answer => answer!.DeepClone())];
        var target = item.Shown;
        var scores = result.Scores.Where(score => score.Key.EndsWith($",{filter.Name}", StringComparison.Ordinal))
            .Select(score => score.Key[..score.Key.IndexOf(',')] is var metric && Tasks.Metrics.IsAgreement(metric)
                ? KeyValuePair.Create(metric, (JsonNode?)new JsonArray(item.Gold, (int)score.Value)) : KeyValuePair.Create(metric, (JsonNode?)score.Value)).ToList();
        return new JsonObject(
        [
            .. new JsonObject
            {
                ["doc_id"] = number,
                ["doc"] = item.Document.DeepClone(),
                ["target"] = target,
                ["arguments"] = new JsonObject(item.Requests.Select((request, i) => KeyValuePair.Create($"gen_args_{i}", (JsonNode?)new JsonObject
                {
                    ["arg_0"] = request.Context,
                    ["arg_1"] = result.Output is null ? request.Continuation
                        : new JsonObject
                        {
                            ["until"] = new JsonArray([.. task.Definition!.Generation.Until.Select(stop => (JsonNode)stop)]),
                            ["max_gen_toks"] = task.Definition.Generation.MaxTokens,
                        },
                }))),
                ["resps"] = new JsonArray([.. answers.Select(answer => new JsonArray(answer!.DeepClone()))]),
                ["filtered_resps"] = filtered,
                ["filter"] = filter.Name,
                ["metrics"] = new JsonArray([.. scores.Select(score => (JsonNode)score.Key)]),
                ["doc_hash"] = Hash(item.Document.ToJsonString(Readable)),
                ["prompt_hash"] = Hash(item.Requests[0].Context),
                ["target_hash"] = Hash(target),
            }.Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())),
            .. scores,
        ]);
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static void WriteWhole(string file, string text)
    {
        var temporary = $"{file}.{Guid.NewGuid():N}.tmp";
        using (var stream = File.Create(temporary))
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
            stream.Flush(flushToDisk: true);
        }
        File.Move(temporary, file);
    }
}
