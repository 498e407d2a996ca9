using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tasks;

namespace Pedigree.Evaluation.Outside;

/// <summary>An evaluator that is another program.</summary>
/// <param name="Command">Program and arguments.</param>
/// <param name="Timeout">How long one attempt may take.</param>
/// <param name="Attempts">How often it is tried before the failure counts.</param>
public sealed record OutsideSettings(IReadOnlyList<string> Command, TimeSpan Timeout, int Attempts = 3);

/// <summary>A task as another evaluator is told of it.</summary>
/// <param name="Task">The name by which it knows the task.</param>
/// <param name="Data">File or folder of rows; null for its own.</param>
/// <param name="Fewshot">Examples in a prompt; null for the task's own number.</param>
/// <param name="Limit">Rows at most; null for all.</param>
public sealed record OutsideTask(string Task, string? Data = null, int? Fewshot = null, int? Limit = null)
{
    /// <summary>
    /// The name under which its results stand, where that is not the one by which it is asked for: of a task file the task's.
    /// </summary>
    public string Key { get; init; } = Task;

    /// <summary>How prompts are put; lm_eval alone is told.</summary>
    public ChatSettings Chat { get; init; } = ChatSettings.None;
}

/// <summary>One score that another evaluator gave.</summary>
public sealed record OutsideScore(string Task, string Metric, string Filter, double Value, double? StandardError)
{
    /// <summary>Whether more is better, as far as it says.</summary>
    public bool HigherIsBetter { get; init; } = true;

    /// <summary>What every item scored, of which the score is the mean; empty where it does not say.</summary>
    public IReadOnlyList<double> Items { get; init; } = [];
}

/// <summary>What another evaluator gave.</summary>
/// <param name="Evaluator">Its name and version, which belong to the score.</param>
/// <param name="Scores">All scores, in its order.</param>
public sealed record OutsideResults(string Evaluator, IReadOnlyList<OutsideScore> Scores);

/// <summary>Another evaluator failed, however often it was tried. There is no score then, and never a zero instead.</summary>
public sealed class EvaluatorFailedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Runs other evaluators as processes, and reads what they say as strictly as a spec.</summary>
public static class OutsideEvaluator
{
    /// <summary>
    /// A user's own command. It reads one JSON object on standard input, {"model": folder, "tasks": [{"task", "data", "fewshot",
    /// "limit"}]}, and writes one on standard output, {"evaluator": name and version, "results": {task: {"acc,none": 0.5,
    /// "acc_stderr,none": 0.1}}}: for every task at least one finite number under "metric,filter"; an error may be missing or
    /// "N/A". Beside results it may give "items": {task: {"acc,none": [0, 1, …]}}, what every row scored. It may be asked first
    /// without a model (null) and without tasks, and then answers its name and version. Standard error is for people. An exit
    /// code other than 0 is a failure.
    /// </summary>
    /// <exception cref="EvaluatorFailedException">All attempts failed; says how the last one did.</exception>
    public static Task<OutsideResults> CommandAsync(
        OutsideSettings settings, string? model, IReadOnlyList<OutsideTask> tasks, CancellationToken cancellation = default)
    {
        var request = new JsonObject
        {
            ["model"] = model is null ? null : Path.GetFullPath(model),
            ["tasks"] = new JsonArray([.. tasks.Select(task => (JsonNode)new JsonObject
            {
                ["task"] = task.Task,
                ["data"] = task.Data,
                ["fewshot"] = task.Fewshot,
                ["limit"] = task.Limit,
            })]),
        };
        return AttemptAsync(settings, async () =>
        {
            var output = await OutsideProcess.RunAsync(settings.Command, request.ToJsonString(), settings.Timeout, cancellation);
            return Read(output, "its standard output", json => json["evaluator"]?.ToString() ?? settings.Command[0], tasks,
                (json, score) =>
                    (json["items"]?[score.Task] as JsonObject)?[$"{score.Metric},{score.Filter}"] as JsonArray is { } items
                        ? [.. items.Select(Number)]
                        : []);
        }, cancellation);
    }

    /// <summary>
    /// lm-evaluation-harness: {command} --model hf --model_args pretrained={model} --tasks … --output_path … --log_samples, with
    /// what else the command already says. All tasks must agree in the number of examples and rows and in how prompts are put,
    /// since it takes one of each.
    /// </summary>
    /// <param name="settings">The command.</param>
    /// <param name="model">Folder of the model; null for the harness's own dummy, by which its version is learned.</param>
    /// <param name="tasks">What it is asked.</param>
    /// <param name="modelArgs">Added to model_args; null for nothing.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="EvaluatorFailedException">All attempts failed; says how the last one did.</exception>
    public static Task<OutsideResults> LmEvalAsync(
        OutsideSettings settings,
        string? model,
        IReadOnlyList<OutsideTask> tasks,
        string? modelArgs = null,
        CancellationToken cancellation = default)
    {
        string folder = model is null ? "" : Path.GetFullPath(model);
        if (folder.Contains(',') || tasks.Any(task => task.Task.Contains(',') || task.Data is not null)
            || tasks.Select(task => (task.Fewshot, task.Limit, task.Chat)).Distinct().Count() > 1)
            throw new EvaluatorFailedException("lm_eval takes no commas in names and paths, no data of one's own, "
                + "and one number of examples and rows for all tasks");
        var chat = tasks[0].Chat;
        string[] asked = model is null
            ? ["--model", "dummy"]
            : ["--model", "hf", "--model_args", $"pretrained={folder}{(modelArgs is null ? "" : $",{modelArgs}")}"];
        return AttemptAsync(settings, async () =>
        {
            var output = Directory.CreateTempSubdirectory("pedigree-lm-eval-").FullName;
            try
            {
                await OutsideProcess.RunAsync(
                [
                    .. settings.Command, .. asked, "--tasks", string.Join(',', tasks.Select(task => task.Task)), "--output_path",
                    output, "--log_samples",
                    .. tasks[0].Fewshot is { } shots ? ["--num_fewshot", $"{shots}"] : Array.Empty<string>(),
                    .. tasks[0].Limit is { } limit ? ["--limit", $"{limit}"] : Array.Empty<string>(),
                    .. chat.ApplyTemplate ? ["--apply_chat_template"] : Array.Empty<string>(),
                    .. chat.TemplateName is { } template ? [template] : Array.Empty<string>(),
                    .. chat.FewshotAsMultiturn is { } multiturn
                        ? ["--fewshot_as_multiturn", multiturn ? "true" : "false"]
                        : Array.Empty<string>(),
                    .. chat.SystemInstruction is { } instruction ? ["--system_instruction", instruction] : Array.Empty<string>(),
                ], "", settings.Timeout, cancellation);
                // It only warns where it cannot write its results.
                var file = Directory.GetFiles(output, "results_*.json", SearchOption.AllDirectories)
                    .Order(StringComparer.Ordinal)
                    .LastOrDefault()
                    ?? throw new EvaluatorFailedException("it ended without writing a results file");
                return Read(await File.ReadAllTextAsync(file, cancellation), Path.GetFileName(file),
                    json => "lm_eval " + (json["lm_eval_version"]?.ToString()
                        ?? throw new EvaluatorFailedException("its results name no lm_eval_version")),
                    tasks,
                    (json, score) => LmEvalSamples.Of(json, file, score));
            }
            finally
            {
                Directory.Delete(output, recursive: true);
            }
        }, cancellation);
    }

    private static async Task<OutsideResults> AttemptAsync(
        OutsideSettings settings, Func<Task<OutsideResults>> attempt, CancellationToken cancellation)
    {
        for (var number = 1; ; number++)
        {
            try
            {
                return await attempt();
            }
            catch (EvaluatorFailedException error) when (number >= settings.Attempts)
            {
                throw new EvaluatorFailedException($"{settings.Command[0]} failed {number} times: {error.Message}", error);
            }
            catch (EvaluatorFailedException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200 * number), cancellation); // A little later each time.
            }
        }
    }

    private static OutsideResults Read(
        string text,
        string where,
        Func<JsonObject, string> name,
        IReadOnlyList<OutsideTask> tasks,
        Func<JsonObject, OutsideScore, IReadOnlyList<double?>> items)
    {
        JsonObject json;
        try
        {
            json = JsonNode.Parse(text) as JsonObject ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw new EvaluatorFailedException($"{where} is not one JSON object (which has no NaN): {Shortened(text)}");
        }
        return new OutsideResults(name(json), [.. tasks.SelectMany(task => Scores(json, where, task.Key))
            .Select(score => score with { Items = Items(items(json, score), where, score) })]);
    }

    /// <summary>
    /// Items that do not make up the score are a failure: whoever compares two models by them would compare something else.
    /// </summary>
    private static IReadOnlyList<double> Items(IReadOnlyList<double?> items, string where, OutsideScore score) =>
        items.Count == 0 ? []
            : items.All(item => item is not null)
                && Math.Abs(items.Average()!.Value - score.Value) <= 1e-6 ? [.. items.Select(item => item!.Value)]
            : throw new EvaluatorFailedException(
                $"{where}: the items of {score.Task} {score.Metric},{score.Filter} are not numbers whose mean is its score");

    private static List<OutsideScore> Scores(JsonObject json, string where, string task)
    {
        if ((json["results"] as JsonObject)?[task] is not JsonObject results)
            throw new EvaluatorFailedException($"{where} has no results.{task}");
        var scores = new List<OutsideScore>();
        foreach (var (key, value) in results)
        {
            if (key.Split(',') is not [var metric, var filter] || metric.EndsWith("_stderr", StringComparison.Ordinal))
                continue;
            var number = Number(value) ?? throw new EvaluatorFailedException(
                $"{where}: results.{task}.{key} is {value?.ToJsonString() ?? "null"}; a finite number would be right");
            scores.Add(new OutsideScore(task, metric, filter, number, Number(results[$"{metric}_stderr,{filter}"]))
            {
                HigherIsBetter = json["higher_is_better"]?[task]?[metric] is not JsonValue better
                    || !better.TryGetValue<bool>(out var higher) || higher,
            });
        }
        return scores.Count > 0 ? scores : throw new EvaluatorFailedException(
            $"{where}: results.{task} has no score; at least one \"metric,filter\" would be right");
    }

    internal static double? Number(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<double>(out var number) && double.IsFinite(number) ? number : null;

    private static string Shortened(string text) =>
        text.Length > 200 ? text[..200] + "…" : text.Length == 0 ? "it is empty" : text;
}
