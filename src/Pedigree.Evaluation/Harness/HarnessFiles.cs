using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tasks;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Harness;

/// <summary>The harness's files: results_{time}.json, and samples_{task}_{time}.jsonl with a line for every row.</summary>
public static class HarnessFiles
{
    internal static readonly JsonSerializerOptions Readable =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
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
        EvaluationResults results,
        string path,
        string model,
        EvaluationOptions options,
        bool samples,
        DateTimeOffset began,
        DateTimeOffset ended)
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
        json["pretty_env_info"] = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, "
            + $"{RuntimeInformation.FrameworkDescription}";
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
        json["system_instruction_sha"] = chat.SystemInstruction is { Length: > 0 } instruction
            ? Hashing.Sha256(instruction)
            : null;
        json["fewshot_as_multiturn"] = chat.FewshotAsMultiturn ?? (chat.ApplyTemplate ? true : null);
        json["chat_template"] = results.ChatTemplate;
        json["chat_template_sha"] = results.ChatTemplate is { Length: > 0 } template ? Hashing.Sha256(template) : null;
        json["total_evaluation_time_seconds"] = (ended - began).TotalSeconds.ToString(CultureInfo.InvariantCulture);
        foreach (var task in samples ? results.Tasks.SelectMany(task => task.All()).Where(task => task.Members.Count == 0) : [])
        {
            var lines = HarnessSamples.Of(task).ToList();
            json["task_hashes"]![task.Task] = Hashing.Sha256(
                string.Concat(lines.Select(line => $"{line["doc_hash"]}{line["prompt_hash"]}{line["target_hash"]}")));
            WriteWhole(Path.Combine(folder, $"samples_{HarnessNames.Task(task.Task)}_{time}.jsonl"),
                string.Concat(lines.Select(line => line.ToJsonString(OneLine) + "\n")));
        }
        var name = HarnessNames.IsSingle(path) ? Path.GetFileNameWithoutExtension(path) : "results";
        var file = Path.Combine(folder, $"{name}_{time}.json");
        WriteWhole(file, json.ToJsonString(Readable));
        return file;
    }

    /// <summary>Finds out whether they can be written.</summary>
    /// <exception cref="Weights.BadInputException">They cannot.</exception>
    public static void CheckWritable(string path, string model) => HarnessNames.Check(path, model);

    /// <summary>A special token as the harness has it: its text, and its id as text.</summary>
    private static JsonArray Token(string? text, int? id) => [text, id is { } number ? $"{number}" : "None"];

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
