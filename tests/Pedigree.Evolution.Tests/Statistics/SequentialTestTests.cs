using System.Text.Json.Nodes;
using Pedigree.Evolution.Statistics;

namespace Pedigree.Evolution.Tests.Statistics;

public class SequentialTestTests
{
    /// <summary>A score a model, task and item, of a real run; the file says how they were recorded.</summary>
    private static readonly double[][][] Models =
        [.. JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "all-six-items.json")))!["models"]!
            .AsArray().Select(model => model!["items"]!.AsArray()
                .Select(task => ((string)task!).Select(item => item == '1' ? 1.0 : 0.0).ToArray())
                .ToArray())];

    [Theory]
    [InlineData(3, 0.33)]
    [InlineData(5, 0.24)]
    public void On_recorded_items_the_k_best_are_the_same_in_99_of_100_resamplings_and_items_are_saved(int k, double saved)
    {
        int admitted = 6, same = 0;
        long asked = 0, all = 0;
        for (int resampling = 0; resampling < 100; resampling++)
        {
            Random random = new(resampling);
            int[][] drawn = [.. Models[0].Select(task => task.Select(_ => random.Next(task.Length)).ToArray())];
            double[][][] scores =
                [.. Models.Select(model => model.Select((task, t) => drawn[t].Select(item => task[item]).ToArray()).ToArray())];
            double[][] founders = [.. drawn.Select(
                (task, t) => task.Select((_, item) => scores[..admitted].Average(model => model[t][item])).ToArray())];
            int items = scores[0].Sum(task => task.Length);
            List<int> full = [.. Enumerable.Range(0, admitted)];
            for (int child = admitted; child < Models.Length; child++)
            {
                int seen = Asked(scores[child], scores[Best(full).ElementAt(k - 1)], founders);
                if (seen == items)
                    full.Add(child);
                asked += seen;
            }
            asked += admitted * items;
            all += Models.Length * items;
            // Equal averages are equally good.
            same += Best(full).Take(k)
                .Select(Average)
                .SequenceEqual(Best(Enumerable.Range(0, Models.Length)).Take(k).Select(Average)) ? 1 : 0;

            double Average(int model) => scores[model].Average(task => task.Average());
            IEnumerable<int> Best(IEnumerable<int> of) => of.OrderByDescending(Average);
        }
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"The same {k} in {same} of 100, {100.0 * (all - asked) / all:0.0} % of {all} items saved");
        Assert.True(same >= 99, $"the same {k} best in {same} of 100");
        Assert.True(asked <= (1 - saved) * all, $"{asked} of {all} items asked");
    }

    [Fact]
    public void Parts_hold_every_item_once_and_are_the_same_for_every_model()
    {
        foreach (int items in new[] { 1, 7, 10, 203 })
        {
            IReadOnlyList<IReadOnlyList<int>> parts = SequentialTest.Parts(items, 3);
            Assert.Equal(SequentialTest.PartCount, parts.Count);
            Assert.Equal(Enumerable.Range(0, items), parts.SelectMany(part => part).Order());
            Assert.Equal(parts, SequentialTest.Parts(items, 3));
            Assert.InRange(parts.Max(part => part.Count) - parts.Min(part => part.Count), 0, 1);
        }
    }

    [Fact]
    public void Nobody_falls_behind_on_too_few_items_or_on_all_of_them()
    {
        double[] wrong = new double[100], right = [.. Enumerable.Repeat(1.0, 100)];
        bool Behind(int seen) =>
            SequentialTest.FallenBehind([new(wrong[..seen], [new(right[..seen], 1)], 100, 1)], 0.99) is not null;
        Assert.Equal([false, true, true, false], new[] { 19, 20, 99, 100 }.Select(Behind));
        Assert.Null(SequentialTest.FallenBehind([new(right[..50], [new(wrong[..50], 0)], 100, 1)], 0.99));
        Assert.Null(SequentialTest.FallenBehind(
            [new(wrong[..50], [new(right[..50], 1)], 100, 1), new([0], [new([1], 1)], 5, 1)], 0.99));
    }

    [Fact]
    public void The_yardstick_that_leaves_less_error_measures_and_hard_items_are_allowed_for()
    {
        // Half of the items seen, and all of them hard: the second yardstick, half right in all, has none of
        // them; the rival scatters.
        double[] model = [.. Enumerable.Range(0, 40).Select(item => item == 0 ? 1.0 : 0)],
            rival = [.. Enumerable.Range(0, 40).Select(item => item % 2 * 0.9)];
        PartlyAsked Task(double rivalMean) => new(model, [new(rival, rivalMean), new(new double[40], 0.5)], 80, 1);
        Assert.Null(SequentialTest.FallenBehind([Task(0.55)], 0.99));
        Assert.Equal(0.525, Assert.Single(SequentialTest.FallenBehind([Task(0.9)], 0.99)!), 1e-12);
    }

    [Fact]
    public void The_quantile_is_that_of_the_normal_distribution()
    {
        Assert.Equal(1.9599639845400545, SequentialTest.NormalQuantile(0.975), 1e-9);
        Assert.Equal(3.090232306167813, SequentialTest.NormalQuantile(0.999), 1e-9);
    }

    /// <summary>How many items the child is asked; they were drawn by chance, so that they are asked as they come.</summary>
    private static int Asked(double[][] child, double[][] rival, double[][] founders)
    {
        for (int look = 1; look < SequentialTest.PartCount; look++)
        {
            PartlyAsked[] seen = [.. child.Select(task => task.Length * look / SequentialTest.PartCount)
                .Select((count, t) => new PartlyAsked(child[t][..count],
                    [new(rival[t][..count], rival[t].Average()), new(founders[t][..count], founders[t].Average())],
                    child[t].Length, 1.0 / child.Length))];
            if (SequentialTest.FallenBehind(seen, 0.99) is not null)
                return seen.Sum(task => task.Scores.Count);
        }
        return child.Sum(task => task.Length);
    }
}
