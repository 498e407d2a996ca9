using System.Text.Json.Nodes;
using Pedigree.Evaluation.Jinja;
using Pedigree.Evaluation.Tasks;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Harness;

/// <summary>Rows as the harness writes them: answers as Python's text of them, scores as what its aggregation is given.</summary>
internal static class HarnessSamples
{
    /// <summary>A line for every row and filter.</summary>
    public static IEnumerable<JsonObject> Of(TaskResult task) =>
        task.Source.Definition!.Filters.SelectMany(filter => task.Items.Select((item, i) => Of(task.Source, item, filter, i)));

    private static JsonObject Of(EvaluationTask task, ItemResult result, FilterSettings filter, int number)
    {
        var item = result.Item;
        List<JsonArray> arguments = [.. item.Requests.Select(request => Arguments(task, request))];
        List<JsonNode> answers = [.. Answers(task, result)];
        var target = item.Shown;
        var metrics = task.Definition!.Metrics;
        var sample = new JsonObject
        {
            ["doc_id"] = number,
            ["doc"] = item.Document.DeepClone(),
            ["target"] = target,
            ["arguments"] = new JsonObject(arguments.Select((values, i) => KeyValuePair.Create($"gen_args_{i}",
                (JsonNode?)new JsonObject(values.Select((value, j) => KeyValuePair.Create($"arg_{j}", value?.DeepClone())))))),
            ["resps"] = new JsonArray([.. answers.Select(answer => new JsonArray(answer.DeepClone()))]),
            ["filtered_resps"] = result.Output is { } output ? new JsonArray(filter.Apply(output)) : new JsonArray([.. answers]),
            ["filter"] = filter.Name,
            ["metrics"] = new JsonArray([.. metrics.Select(metric => (JsonNode)metric.Name)]),
            ["doc_hash"] = Hashing.Sha256(item.Document.ToJsonString(HarnessFiles.Readable)),
            ["prompt_hash"] = Hashing.Sha256((string)arguments[0][0]!),
            ["target_hash"] = Hashing.Sha256(target),
        };
        foreach (var metric in metrics)
            sample[metric.Name] = Score(task, metric.Name, item, result.Scores[$"{metric.Name},{filter.Name}"]);
        return sample;
    }

    private static JsonArray Arguments(EvaluationTask task, TextRequest request) => task.Type switch
    {
        OutputType.LogLikelihoodRolling => [request.Continuation],
        OutputType.GenerateUntil => [request.Context, TaskConfiguration.Generation(task.Definition!.Generation)],
        _ => [request.Context, request.Continuation],
    };

    private static IEnumerable<JsonNode> Answers(EvaluationTask task, ItemResult result) =>
        result.Output is { } output ? [output]
        : task.Type == OutputType.LogLikelihoodRolling ? result.LogLikelihoods.Select(sum => (JsonNode)PythonValue.Text(sum))
        : result.LogLikelihoods.Zip(
            result.IsGreedy, (sum, greedy) => new JsonArray(PythonValue.Text(sum), PythonValue.Text(greedy)));

    private static JsonNode Score(EvaluationTask task, string metric, EvaluationItem item, double value) =>
        Metrics.Aggregation(metric) switch
        {
            "f1" or "matthews_corrcoef" => new JsonArray(item.Gold, (int)value),
            "weighted_perplexity" or "bits_per_byte" => new JsonArray(value, Metrics.Weight(metric, item, task)),
            _ => value,
        };
}
