namespace Pedigree.Evolution.Tests;

/// <summary>What a run decides where differences may be chance.</summary>
public class SignificanceTests
{
    [Fact]
    public async Task Where_every_difference_is_beyond_chance_a_run_decides_what_it_would_without_significance()
    {
        (VectorWorld world, RunState state) = await RunAsync(0.001, 0.05);
        (_, RunState plain) = await RunAsync(0.001, null);
        Assert.True(state.Generations.Count > 3);
        Assert.Equal(plain.Generations.Select(Selected), state.Generations.Select(Selected));
        Assert.Equal(plain.Completed!.Reason, state.Completed!.Reason);
        Assert.All(world.Log.OfType<ParentsSelected>().Skip(1), chosen => Assert.NotEmpty(chosen.Comparisons!));
        Assert.All(
            world.Log.OfType<ParentsSelected>().SelectMany(chosen => chosen.Pairs.Where(pair => pair.Purpose == Purpose.Exploit)),
            pair => Assert.Equal(0.001, pair.PValue));
    }

    [Fact]
    public async Task Where_no_difference_is_beyond_chance_the_older_models_keep_their_places_and_the_run_converges()
    {
        (_, RunState state) = await RunAsync(0.2, 0.05);
        (_, RunState plain) = await RunAsync(0.2, null);
        Assert.All(state.Generations, completed => Assert.Equal(Selected(state.Generations[0]), Selected(completed)));
        Assert.NotEqual(Selected(plain.Generations[0]), Selected(plain.Generations[^1]));
        Assert.Equal(StopReason.Converged, state.Completed!.Reason);
        // The best found is still named: nobody is better.
        Assert.Equal(state.Population[0].Name, state.Completed.Best!.Name);
        Assert.Equal(1, state.Completed.Best.Name[0] - '0');
    }

    [Fact]
    public async Task Holm_counts_every_child_against_every_place()
    {
        // Below 0.05 alone, but not as one of many.
        (VectorWorld world, RunState state) = await RunAsync(0.04, 0.05, strategy: "kinship");
        Assert.All(state.Generations, completed => Assert.Equal(Selected(state.Generations[0]), Selected(completed)));
        IReadOnlyList<ModelComparison> decisive = world.Log.OfType<ParentsSelected>().Skip(1).First().Comparisons!;
        Assert.Equal(6 * 3, decisive.Count);
        Assert.All(decisive, made => Assert.Equal(0.04 * 18, made.Corrected!.Value, 1e-12));
    }

    [Fact]
    public async Task A_best_that_cannot_be_told_from_the_one_before_does_not_count_for_patience()
    {
        StopSpec stop = new(Kinship: null, Generations: 6, Patience: 1);
        Assert.Equal(1, (await RunAsync(0.2, 0.05, stop)).State.Generations[^1].Generation);
        Assert.True((await RunAsync(0.2, null, stop)).State.Generations[^1].Generation > 1);
        Assert.True((await RunAsync(0.001, 0.05, stop)).State.Generations[^1].Generation > 1);
    }

    [Theory]
    [InlineData(0.001)]
    [InlineData(0.04)]
    public async Task A_run_with_significance_replays_from_its_log_alone(double p)
    {
        (VectorWorld world, _) = await RunAsync(p, 0.05);
        RecordedActivities recorded = new(world.Log);
        await EvolutionRun.RunAsync(((RunStarted)world.Log[0]).Spec, recorded);
        Assert.Equal(world.Log.Count, recorded.Replayed);
    }

    [Fact]
    public async Task Scores_of_another_version_of_the_evaluator_are_refused()
    {
        (VectorWorld world, _) = await RunAsync(0.2, null);
        int first = world.Log.FindIndex(e => e is ModelEvaluated),
            second = world.Log.FindIndex(first + 1, e => e is ModelEvaluated);
        RunEvent[] mixed =
            [.. world.Log.Index().Select(e => e.Index == first ? (ModelEvaluated)e.Item with { Evaluator = "harness 1" }
                : e.Index == second ? (ModelEvaluated)e.Item with { Evaluator = "harness 2" } : e.Item)];
        InvalidSpecException error = await Assert.ThrowsAsync<InvalidSpecException>(
            () => EvolutionRun.RunAsync(((RunStarted)mixed[0]).Spec, new RecordedActivities(mixed)));
        Assert.Equal("evaluator", error.Field);
        Assert.Contains("is harness 2, but the models so far were scored by harness 1", error.Message);
    }

    private static string Selected(GenerationCompleted completed) => string.Join(" ", completed.Selected);

    private static async Task<(VectorWorld World, RunState State)> RunAsync(
        double p, double? significance, StopSpec? stop = null, string strategy = "greedy")
    {
        VectorWorld world = VectorWorld.Specialists(pValue: p);
        RunSpec spec = world.Spec(strategy, stop: stop) with { Significance = significance };
        return (world, await EvolutionRun.RunAsync(spec, world));
    }
}
