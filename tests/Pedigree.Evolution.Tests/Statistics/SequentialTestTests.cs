using System.Text.Json.Nodes;
using Pedigree.Evolution.Statistics;

namespace Pedigree.Evolution.Tests.Statistics;

public class SequentialTestTests
{
    /// <summary>A score a model, task and item, of a real run; the file says how they were recorded.</summary>
    private static readonly double[][][] models = [.. JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "all-six-items.json")))!["models"]!
        .AsArray().Select(model => model!["items"]!.AsArray().Select(task => ((string)task!).Select(item => item == '1' ? 1.0 : 0.0).ToArray()).ToArray())];

    [Fact]
    public void On_recorded_items_the_three_best_are_the_same_in_99_of_100_resamplings_and_three_tenths_of_the_items_are_saved()
    {
        int admitted = 6, k = 3, same = 0;
        long asked = 0, all = 0;
        for (int resampling = 0; resampling < 100; resampling++)
        {
            Random random = new(resampling);
            int[][] drawn = [.. models[0].Select(task => task.Select(_ => random.Next(task.Length)).ToArray())];
            double[][][] scores = [.. models.Select(model => model.Select((task, t) => drawn[t].Select(item => task[item]).ToArray()).ToArray())];
            int[] items = [.. scores[0].Select(task => task.Length)];
            List<int> full = [.. Enumerable.Range(0, admitted)];
            for (int child = admitted; child < models.Length; child++)
            {
                int seen = Asked(scores[child], scores[Best(full).ElementAt(k - 1)], items);
                if (seen == items.Sum())
                    full.Add(child);
                asked += seen;
            }
            asked += admitted * items.Sum();
            all += models.Length * items.Sum();
            // Equal averages are equally good.
            same += Best(full).Take(k).Select(Average).SequenceEqual(Best(Enumerable.Range(0, models.Length)).Take(k).Select(Average)) ? 1 : 0;

            double Average(int model) => scores[model].Average(task => task.Average());
            IEnumerable<int> Best(IEnumerable<int> of) => of.OrderByDescending(Average);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"The same in {same} of 100, {100.0 * (all - asked) / all:0.0} % of {all} items saved");
        Assert.True(same >= 99, $"the same three best in {same} of 100");
        Assert.True(asked <= 0.7 * all, $"{asked} of {all} items asked");
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
        bool Behind(int seen) => SequentialTest.FallsBehind([new(wrong[..seen], right[..seen], 1)], [100], 0.99);
        Assert.Equal([false, true, true, false], new[] { 19, 20, 99, 100 }.Select(Behind));
        Assert.False(SequentialTest.FallsBehind([new(right[..50], wrong[..50], 1)], [100], 0.99));
    }

    [Fact]
    public void The_quantile_is_that_of_the_normal_distribution()
    {
        Assert.Equal(1.9599639845400545, SequentialTest.NormalQuantile(0.975), 1e-9);
        Assert.Equal(3.090232306167813, SequentialTest.NormalQuantile(0.999), 1e-9);
    }

    /// <summary>How many items the child is asked; they were drawn by chance, so that they are asked as they come.</summary>
    private static int Asked(double[][] child, double[][] rival, int[] items)
    {
        for (int look = 1; look < SequentialTest.PartCount; look++)
        {
            PairedItems[] seen = [.. items.Select(all => all * look / SequentialTest.PartCount).Select((count, task) =>
                new PairedItems(child[task][..count], rival[task][..count], 1.0 / items.Length))];
            if (SequentialTest.FallsBehind(seen, items, 0.99))
                return seen.Sum(task => task.First.Count);
        }
        return items.Sum();
    }
}
