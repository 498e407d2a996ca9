namespace Pedigree.Evolution.Tests;

public class StopRuleTests
{
    private static readonly StopSpec Never = new(Kinship: null, Generations: null, Evaluations: null, Patience: null);

    [Fact]
    public async Task A_greedy_run_ends_when_no_pair_of_S_is_new()
    {
        VectorWorld world = new(
            new Dictionary<string, double[]> { ["a"] = [1, 0, 0.1], ["b"] = [0, 1, 0], ["c"] = [-1, -1, 0.3] }, [0, 0, 0]);
        RunState end = await EvolutionRun.RunAsync(world.Spec("greedy", stop: Never), world);
        Assert.Equal(StopReason.Converged, end.Completed!.Reason);
        Assert.Equal(end.Generations[^1].Selected, end.Generations[^2].Selected);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Generations_are_counted_from_the_first_merges(int generations)
    {
        RunState end = await Run(Never with { Generations = generations });
        Assert.Equal(StopReason.Generations, end.Completed!.Reason);
        Assert.Equal(generations, end.Generations[^1].Generation);
    }

    [Theory]
    [InlineData(6)]
    [InlineData(11)]
    [InlineData(13)]
    public async Task Evaluations_never_exceed_their_number(int evaluations)
    {
        RunState end = await Run(Never with { Evaluations = evaluations });
        Assert.Equal(StopReason.Evaluations, end.Completed!.Reason);
        Assert.Equal(evaluations, end.Evaluations);
    }

    [Fact]
    public async Task Patience_counts_generations_without_a_better_best()
    {
        RunState end = await Run(Never with { Patience = 2 });
        Assert.Equal(StopReason.Patience, end.Completed!.Reason);
        Assert.Equal(end.Generations[^3].Best, end.Generations[^1].Best);
        Assert.NotEqual(end.Generations[^4].Best.Average, end.Generations[^3].Best.Average);
    }

    [Fact]
    public async Task Mean_kinship_of_S_stops_the_run_in_saturation()
    {
        RunState end = await Run(Never with { Kinship = 0.6 });
        Assert.Equal(StopReason.Kinship, end.Completed!.Reason);
        Assert.True(end.Generations[^1].MeanKinship > 0.6);
        Assert.All(end.Generations.SkipLast(1), generation => Assert.Equal(Stage.Learning, generation.Stage));
        Assert.Equal(Stage.Saturation, end.Generations[^1].Stage);
    }

    [Fact]
    public async Task A_distance_stops_the_run_when_it_falls_below()
    {
        VectorWorld world = VectorWorld.Specialists();
        RunState end = await EvolutionRun.RunAsync(
            world.Spec("kinship", stop: Never with { Kinship = 1.5 }, measure: KinshipMeasure.Euclidean), world);
        Assert.Equal(StopReason.Kinship, end.Completed!.Reason);
        Assert.True(end.Generations[^1].MeanKinship < 1.5);
        Assert.True(end.Generations[^2].MeanKinship >= 1.5);
    }

    [Fact]
    public async Task A_run_that_is_told_to_ends_after_its_generation()
    {
        VectorWorld world = new(
            new Dictionary<string, double[]> { ["a"] = [4, 0, 1], ["b"] = [0, 3, 0], ["c"] = [1, 0, 2] }, [1, 1, 1])
        { StopAfter = 2 };
        RunState end = await EvolutionRun.RunAsync(world.Spec("kinship", stop: Never), world);
        Assert.Equal(StopReason.Told, end.Completed!.Reason);
        Assert.Equal(2, end.Generations[^1].Generation);
        RecordedActivities audit = new(world.Log);
        await EvolutionRun.RunAsync(world.Spec("kinship", stop: Never), audit);
        Assert.Equal(world.Log.Count, audit.Replayed);
    }

    private static async Task<RunState> Run(StopSpec stop)
    {
        VectorWorld world = VectorWorld.Specialists();
        return await EvolutionRun.RunAsync(world.Spec("kinship", stop: stop), world);
    }
}
