using System.Text.Json.Nodes;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tasks;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tasks;

public class BootstrapTests
{
    private static readonly JsonArray Golden =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Tasks", "golden", "bootstrap.json")))!.AsArray();

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Golden.Count)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Errors_of_perplexity_f1_and_mcc_are_drawn_as_Python_draws_them(int number)
    {
        var expected = Golden[number]!;
        var metric = Result(
            (string)expected["metric"]!, expected["items"]!.AsArray(), (int)expected["iterations"]!).Metrics.Single();
        Assert.Equal((double)expected["value"]!, metric.Value, 1e-12);
        Assert.Equal((double)expected["error"]!, metric.StandardError!.Value, 1e-12);
    }

    [Fact]
    public void Without_draws_no_score_has_an_error()
    {
        JsonArray items = [-1.0, -2.0, -3.0];
        Assert.Null(Result("perplexity", items, 0).Primary.StandardError);
        Assert.Null(Result("acc", items, 0).Primary.StandardError);
        Assert.NotNull(Result("acc", items, Bootstrap.Draws).Primary.StandardError);
        Assert.Null(Result("perplexity", [-1.0], Bootstrap.Draws).Primary.StandardError);
    }

    [Fact]
    public void A_perplexity_beyond_all_numbers_is_refused() =>
        Assert.Contains("perplexity is Infinity",
            Assert.Throws<BadInputException>(() => Result("perplexity", [-1000.0], 10)).Message, StringComparison.Ordinal);

    /// <summary>The result of a task whose rows have these log-likelihoods, or these right and best choices.</summary>
    private static TaskResult Result(string metric, JsonArray items, int draws)
    {
        using var folder = new TinyFolder();
        var agreement = Metrics.IsAgreement(metric);
        folder.File("rows.jsonl", string.Join(
            '\n', items.Select((item, i) => $$"""{"q": "q{{i}}", "answer": {{(agreement ? (int)item![0]! : 0)}}}""")));
        folder.File("one.yaml", $"task: one\noutput_type: {(agreement ? "multiple_choice" : "loglikelihood")}\ndoc_to_text: q\n"
            + (agreement ? $"doc_to_choice: [a, b{(metric == "f1" ? "" : ", c, d")}]\ndoc_to_target: answer\n"
                : "doc_to_target: ' x'\n")
            + $"metric_list: [{{metric: {metric}}}]\ndata: rows.jsonl\n");
        var task = TaskLoader.Load(folder.Path, "one.yaml");
        return TaskScores.OfTask(task, [.. task.Items.Select((item, i) => TaskScores.OfScored(task, item, agreement
            ? [.. item.Choices.Select((_, choice) => Scores(choice == (int)items[i]![1]! ? -1 : -2))]
            : [Scores((double)items[i]!)]))], draws);
    }

    private static TokenScores Scores(double sum) => new([sum], false);
}
