using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pedigree.Evaluation.Outside;

/// <summary>
/// The files samples_{task}_{time}.jsonl that the harness writes beside its results: a line for every row and filter.
/// </summary>
internal static class LmEvalSamples
{
    /// <summary>
    /// What every row scored in one metric, by number; of a group, those of its tasks one after the other. None where a file
    /// is missing, where the metric is no number a row (a perplexity), or where the score is no plain mean of them (a group
    /// that weighs its tasks alike).
    /// </summary>
    /// <param name="results">The results.</param>
    /// <param name="file">The file results_{time}.json that they were read from.</param>
    /// <param name="score">The score.</param>
    public static IReadOnlyList<double?> Of(JsonObject results, string file, OutsideScore score)
    {
        var time = Path.GetFileNameWithoutExtension(file)["results_".Length..];
        List<double?> items = [];
        foreach (var task in Tasks(results, score.Task, 0))
        {
            // It puts the name there as it stands; where that cannot be a name it only warns, and writes nothing.
            var samples = Path.Combine(Path.GetDirectoryName(file)!, $"samples_{task}_{time}.jsonl");
            if (Path.GetFileName(task) != task || !File.Exists(samples))
                return [];
            SortedDictionary<long, double?> rows = [];
            foreach (var line in File.ReadLines(samples).Where(line => line.Length > 0))
            {
                if (Parse(line) is { } row
                    && (string?)row["filter"] == score.Filter
                    && row["doc_id"] is JsonValue id
                    && id.TryGetValue<long>(out var number))
                    rows[number] = row[score.Metric] is JsonValue value && value.TryGetValue<bool>(out var right) ? right ? 1 : 0
                        : OutsideEvaluator.Number(row[score.Metric]);
            }
            items.AddRange(rows.Values);
        }
        return items.Count > 0
            && items.All(item => item is not null)
            && Math.Abs(items.Average()!.Value - score.Value) <= 1e-6 ? items : [];
    }

    /// <summary>The task, or the tasks of a group and of its groups.</summary>
    private static IEnumerable<string> Tasks(JsonObject results, string name, int depth) =>
        depth < 8 && results["group_subtasks"]?[name] is JsonArray { Count: > 0 } members
            ? members.SelectMany(member => Tasks(results, member!.ToString(), depth + 1)) : [name];

    private static JsonObject? Parse(string line)
    {
        try
        {
            return JsonNode.Parse(line) as JsonObject;
        }
        catch (JsonException)
        {
            return null; // Python writes NaN, which is no JSON; the row is then missing, and the mean another.
        }
    }
}
