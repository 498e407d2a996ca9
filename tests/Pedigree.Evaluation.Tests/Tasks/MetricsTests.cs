using Pedigree.Evaluation.Tasks;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tasks;

public class MetricsTests
{
    private static EvaluationItem Item(int gold, params string[] choices) => new(1, [], choices, [gold], [choices[gold]], []);

    [Fact]
    public void Accuracy_is_by_sum_by_sum_over_characters_and_by_sum_over_bytes()
    {
        // Over characters: −2, −1.5, −1.6. Over bytes: −2, −1.5, −0.8.
        var item = Item(0, "a", "bb", "éé");
        double[] sums = [-2, -3, -3.2];
        Assert.Equal(1, Metrics.Choice("acc", sums, item));
        Assert.Equal(1, Metrics.Choice("acc_norm", sums, item with { Golds = [1] }));
        Assert.Equal(1, Metrics.Choice("acc_bytes", sums, item with { Golds = [0, 2] }));
        Assert.Equal(0, Metrics.Choice("acc_norm", sums, item));
    }

    [Fact]
    public void The_first_of_equals_is_chosen()
    {
        Assert.Equal(1, Metrics.Choice("acc", [-1, -1], Item(0, "a", "b")));
        Assert.Equal(0, Metrics.Choice("acc", [-1, -1], Item(1, "a", "b")));
    }

    [Fact]
    public void A_character_beyond_16_bits_counts_once() =>
        Assert.Equal(1, Metrics.Choice("acc_norm", [-3, -3.5], Item(0, "aa", "😀a")));

    [Fact]
    public void The_standard_error_is_the_sample_deviation_over_the_root_of_the_number()
    {
        // 1, 0, 1, 1: mean 3/4, sample variance 1/4, so √(1/4/4) = 1/4.
        Assert.Equal(0.25, Aggregate.StandardError([1, 0, 1, 1])!.Value, 15);
        Assert.Null(Aggregate.StandardError([1]));
    }

    [Fact]
    public void Exact_match_ignores_what_it_is_told_to_on_both_sides()
    {
        var plain = new MetricSettings("exact_match", true);
        Assert.Equal(0, Metrics.ExactMatch(plain, "A.", ["a"]));
        Assert.Equal(1, Metrics.ExactMatch(plain with { IgnoreCase = true, IgnorePunctuation = true }, "A.", ["b", "a"]));
        Assert.Equal(1, Metrics.ExactMatch(plain with { Ignored = [new("[0-9]")] }, "a1", ["2a"]));
    }

    // Computed in Python from precision and recall, and from the covariances of one-hot rows, as scikit-learn defines them.
    [Theory]
    [InlineData("f1", "0110111010", "0101111000", 0.7272727272727272)]
    [InlineData("mcc", "0110111010", "0101111000", 0.4082482904638631)]
    [InlineData("mcc", "0120122110", "0121112010", 0.5471422245456321)]
    [InlineData("f1", "0000", "0000", 0)]
    [InlineData("mcc", "0101", "1111", 0)]
    [InlineData("mcc", "0101", "1010", -1)]
    public void F1_and_mcc_are_what_precision_and_recall_and_covariances_give(
        string metric, string golds, string picks, double expected) =>
        Assert.Equal(expected, new Agreement(metric, [.. golds.Select(gold => gold - '0')], [.. picks.Select(pick => pick - '0')])
            .Over([.. Enumerable.Range(0, golds.Length)]), 1e-12);
}
