using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tasks;
using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Evaluation.Tests.Family;

/// <summary>
/// Every kind of task on models of the sample family, against golden/make_golden.py, which does all of it by itself in Python.
/// </summary>
public sealed class FamilyGoldenTests : IDisposable
{
    private static readonly JsonNode Golden =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Family", "golden", "golden.json")))!;

    private readonly TinyFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Cases =>
        [.. from model in Golden["models"]!.AsObject() from task in Golden["tasks"]!.AsObject() select (model.Key, task.Key)];

    [Theory, MemberData(nameof(Cases))]
    public void A_task_gives_the_harness_log_likelihoods_picks_and_metrics(string model, string task)
    {
        var golden = Golden["models"]![model]![task]!;
        _folder.File("rows.jsonl", string.Concat(Golden["rows"]!.AsArray().Select(row => row!.ToJsonString() + "\n")));
        _folder.File($"{task}.yaml", $"task: {task}\ndata: rows.jsonl\n{Golden["tasks"]![task]}");
        var result = Evaluator.Evaluate(
            Path.Combine(Samples(AppContext.BaseDirectory), model), [TaskLoader.Load(_folder.Path, $"{task}.yaml")],
            new() { Device = "cpu", DType = DType.F32 }, TestContext.Current.CancellationToken).Tasks[0];
        Assert.Equal(Golden["rows"]!.AsArray().Count, result.Items.Count);
        foreach (var (i, item) in result.Items.Index())
        {
            Assert.Equal((string?)golden["outputs"]?[i], item.Output);
            Close(Numbers(golden["items"]?[i]), item.LogLikelihoods);
            Close(Numbers(golden["scores"]![i]),
                [.. result.Metrics.Select(metric => item.Scores[$"{metric.Metric},{metric.Filter}"])]);
        }
        Assert.Equal(golden["metrics"]!.AsObject().Select(metric => metric.Key), result.Metrics.Select(Key));
        foreach (var metric in result.Metrics)
        {
            var expected = golden["metrics"]![Key(metric)]!.AsArray();
            Assert.Equal(1, metric.Value == (double)expected[0]! ? 1 : metric.Value / (double)expected[0]!, 1e-4);
            if (expected[1] is { } error)
                Assert.Equal((double)error, metric.StandardError!.Value, 1e-9);
        }
    }

    private static string Key(MetricResult metric) =>
        metric.Filter == "none" ? metric.Metric : $"{metric.Metric},{metric.Filter}";

    private static void Close(double[] expected, IReadOnlyList<double> actual)
    {
        Assert.Equal(expected.Length, actual.Count);
        foreach (var (right, value) in expected.Zip(actual))
            Assert.Equal(right, value, 1e-4);
    }

    private static double[] Numbers(JsonNode? list) => [.. (list?.AsArray() ?? []).Select(number => (double)number!)];

    private static string Samples(string folder) =>
        File.Exists(Path.Combine(folder, "Durable.sln")) ? Path.Combine(folder, "samples", "family")
            : Samples(Path.GetDirectoryName(folder.TrimEnd(Path.DirectorySeparatorChar))!);
}
