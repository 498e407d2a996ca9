using Pedigree.Weights.Kernels;
using Pedigree.Weights.Tests.Methods;
using Xunit;

namespace Pedigree.Weights.Tests.Kernels;

public sealed unsafe class RowRanksTests
{
    /// <summary>
    /// Few different magnitudes make many elements of a long row undecided, so that it is sorted; many make few.
    /// </summary>
    [Theory]
    [InlineData(1, 5)]
    [InlineData(15, 3)]
    [InlineData(1000, 1)]
    [InlineData(5000, 2)]
    [InlineData(20_000, 1)]
    [InlineData(20_000, 7)]
    [InlineData(20_000, 1_000_000)]
    public void What_a_row_keeps_is_what_the_ranks_of_all_its_elements_say(int count, int magnitudes)
    {
        var random = new Random(count + magnitudes);
        float[] row = [.. Enumerable.Range(0, count)
            .Select(_ => (float)((random.Next(magnitudes + 1) + (magnitudes > 7 ? 0 : 1)) * (random.Next(2) - 0.5)))];
        var ranks = Formulas.Ranks([.. row.Select(value => (double)value)]);
        var expected = Formulas.AtRandom([.. row.Select(value => (double)value)],
            i => count == 1 ? 0.5 : 0.35 + (0.3 * (count - 1 - ranks[i]) / (count - 1)), 3, "t", "m");
        using var scratch = new NativeBuffer((20L * count) + 64);
        fixed (float* start = row)
            RowRanks.KeepByRank(Chance.Key(3, "t", "m"), 0, start, RowRanks.Limits(count, 0.5, 0.15), (ulong*)scratch.Start);
        Assert.Equal(expected, row.Select(value => (double)value));
    }
}
