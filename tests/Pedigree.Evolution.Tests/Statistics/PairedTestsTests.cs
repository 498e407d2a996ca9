using Pedigree.Evolution.Statistics;

namespace Pedigree.Evolution.Tests.Statistics;

public class PairedTestsTests
{
    // R: binom.test(min(b, c), b + c)$p.value.
    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(5, 5, 1)]
    [InlineData(1, 9, 0.021484375)]
    [InlineData(0, 10, 0.001953125)]
    [InlineData(10, 0, 0.001953125)]
    [InlineData(40, 60, 0.056887933640980784)]
    public void McNemar_is_the_exact_two_sided_binomial_test(int first, int second, double expected) =>
        Assert.Equal(expected, PairedTests.McNemar(first, second), 1e-12);

    [Fact]
    public void Scores_of_0_and_1_are_compared_by_McNemar_and_others_by_the_bootstrap()
    {
        double[] right = [1, 1, 1, 1, 1, 1, 0, 0], wrong = [0, 0, 0, 0, 0, 0, 0, 0];
        Comparison exact = PairedTests.Compare(right, wrong);
        Assert.Equal((0.75, "mcnemar"), (exact.Difference, exact.Test));
        Assert.Equal(0.03125, exact.PValue, 1e-12); // 2·½⁶
        Comparison other = PairedTests.Compare([.. right.Select(score => score * 0.9)], wrong, seed: 7);
        Assert.Equal("bootstrap", other.Test);
        Assert.Equal(other, PairedTests.Compare([.. right.Select(score => score * 0.9)], wrong, seed: 7));
        Assert.Throws<ArgumentException>(() => PairedTests.Compare(right, [1]));
    }

    [Fact]
    public void The_bootstrap_finds_about_as_many_false_differences_as_its_level_says()
    {
        Random random = new(5);
        int found = 0;
        for (int trial = 0; trial < 60; trial++)
            found += PairedTests.Bootstrap(
                [([.. Enumerable.Range(0, 60).Select(_ => random.NextDouble() - 0.5)], 1)], (ulong)trial) < 0.2 ? 1 : 0;
        Assert.InRange(found, 4, 22); // 12 of 60 are due; outside with a probability of about 0.003
        Assert.True(PairedTests.Bootstrap([([.. Enumerable.Range(0, 60).Select(_ => random.NextDouble() - 0.2)], 1)], 1) < 0.001);
    }

    [Fact]
    public void Holm_corrects_the_smallest_most_and_keeps_the_order()
    {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
        Assert.Equal([0.03, 0.06, 0.06, 0.02], PairedTests.Holm([0.01, 0.04, 0.03, 0.005]).Select(p => Math.Round(p, 12)));
        Assert.Equal([1.0, 1.0], PairedTests.Holm([0.7, 0.9]));
    }

    [Fact]
    public void Several_tasks_whose_items_weigh_alike_are_one_McNemar_test_and_others_a_bootstrap_of_each()
    {
        PairedItems sort = new([1, 1, 1, 0], [0, 0, 1, 0], 1), reverse = new([1, 1, 1, 0], [0, 0, 0, 0], 1);
        Comparison alike = PairedTests.Compare([sort, reverse]);
        Assert.Equal((0.625, "mcnemar"), (alike.Difference, alike.Test));
        Assert.Equal(0.0625, alike.PValue, 1e-12); // 2·½⁵
        Comparison weighted = PairedTests.Compare([sort, reverse with { Weight = 3 }]);
        Assert.Equal("bootstrap", weighted.Test);
        Assert.Equal((0.5 + 3 * 0.75) / 4, weighted.Difference, 1e-12);
    }
}
