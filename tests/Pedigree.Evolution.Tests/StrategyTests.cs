using Pedigree.Evolution.Strategies;

namespace Pedigree.Evolution.Tests;

public class StrategyTests
{
    [Theory]
    [InlineData("greedy")]
    [InlineData("kinship")]
    [InlineData("random")]
    public async Task No_pair_is_merged_twice_and_the_better_parent_comes_first(string strategy)
    {
        VectorWorld world = VectorWorld.Specialists();
        RunState end = await EvolutionRun.RunAsync(world.Spec(strategy), world);

        List<Mating> pairs = [.. world.Log.OfType<ParentsSelected>().SelectMany(e => e.Pairs)];
        Assert.Equal(pairs.Count, pairs.Select(pair => new Pair(pair.First, pair.Second)).Distinct().Count());
        Assert.Equal(pairs.Count, pairs.Select(pair => pair.Child).Distinct().Count());
        Assert.All(pairs, pair =>
        {
            Assert.True(pair.Ranks[0] < pair.Ranks[1]);
            Assert.True(end.Models[pair.First].Average >= end.Models[pair.Second].Average);
            Assert.Equal(end.Kinship(pair.First, pair.Second), pair.Kinship);
        });
    }

    [Theory]
    [InlineData("greedy")]
    [InlineData("kinship")]
    [InlineData("random")]
    public async Task Generation_1_merges_every_pair_of_admitted_models(string strategy)
    {
        VectorWorld world = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(world.Spec(strategy), world);
        Assert.Equal(6, world.Log.OfType<ParentsSelected>().First().Pairs.Count);
    }

    [Theory]
    [InlineData(KinshipMeasure.Pearson)]
    [InlineData(KinshipMeasure.Cosine)]
    [InlineData(KinshipMeasure.Euclidean)]
    public async Task Exploration_takes_the_least_related_model_that_the_best_was_not_merged_with(KinshipMeasure measure)
    {
        VectorWorld world = VectorWorld.Specialists();
        RunState state = RunState.Empty;
        await EvolutionRun.RunAsync(world.Spec("kinship", measure: measure), world);
        int explored = 0;
        foreach (RunEvent next in world.Log)
        {
            if (next is ParentsSelected { Generation: > 1 } selected)
            {
                Model best = state.Population[0];
                HashSet<string> exploited = [.. selected.Pairs.Where(pair => pair.Purpose == Purpose.Exploit)
                    .SelectMany(pair => new[] { new Pair(pair.First, pair.Second) })
                    .Where(pair => pair.First == best.Name || pair.Second == best.Name)
                    .Select(pair => pair.First == best.Name ? pair.Second : pair.First)];
                List<string> candidates = [.. state.Population.Select(model => model.Name).Where(name =>
                    name != best.Name && !exploited.Contains(name) && !state.Merged.ContainsKey(new Pair(best.Name, name)))];
                Mating? exploring = selected.Pairs.SingleOrDefault(pair => pair.Purpose == Purpose.Explore);
                Assert.Equal(candidates.Count == 0, exploring is null);
                if (exploring is not null)
                {
                    explored++;
                    double least = candidates.Min(name => measure.Closeness(state.Kinship(best.Name, name)));
                    Assert.Contains(best.Name, new[] { exploring.First, exploring.Second });
                    Assert.Equal(least, measure.Closeness(exploring.Kinship));
                }
            }
            state = state.Apply(next);
        }
        Assert.True(explored > 2);
    }

    [Fact]
    public async Task Equal_averages_are_ranked_by_name()
    {
        VectorWorld world = new(
            new Dictionary<string, double[]> { ["b"] = [1, 0, 0.5], ["a"] = [0, 1, 0.5], ["c"] = [5, 5, 5.5] }, [0, 0, 0]);
        RunState end = await EvolutionRun.RunAsync(world.Spec("greedy", stop: new StopSpec(null, 1, null, null)), world);
        Assert.Equal(["a", "b"], end.Population.Where(model => model.Generation == 0).Take(2).Select(model => model.Name));
        Mating first = world.Log.OfType<ParentsSelected>().Single().Pairs[0];
        Assert.Equal(("a", "b"), (first.First, first.Second));
    }

    [Fact]
    public async Task Two_random_runs_of_one_seed_agree_and_another_seed_differs()
    {
        async Task<string> Run(long seed)
        {
            VectorWorld world = VectorWorld.Specialists();
            await EvolutionRun.RunAsync(world.Spec("random") with { Seed = seed }, world);
            return string.Join(
                ' ', world.Log.OfType<ParentsSelected>().SelectMany(e => e.Pairs).Select(p => $"{p.First}+{p.Second}"));
        }
        Assert.Equal(await Run(1), await Run(1));
        Assert.NotEqual(await Run(1), await Run(2));
    }

    [Fact]
    public async Task Pairs_passed_over_say_which_child_they_had()
    {
        VectorWorld world = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(world.Spec("kinship"), world);
        List<PassedOver> passed = [.. world.Log.OfType<ParentsSelected>().SelectMany(e => e.PassedOver)];
        Assert.NotEmpty(passed);
        Assert.All(passed, pair => Assert.Matches(@"^merged before as \d+-(\d+|exp)$", pair.Reason));
    }

    [Fact]
    public void Names_of_strategies_are_those_of_the_spec() =>
        Assert.Equal(["greedy", "kinship", "random"], Strategy.Names.Order(StringComparer.Ordinal));
}
