using CsCheck;

namespace Pedigree.Evolution.Tests;

public class ReplayTests
{
    [Theory]
    [InlineData("greedy")]
    [InlineData("kinship")]
    [InlineData("random")]
    public async Task A_run_taken_up_after_any_event_goes_on_as_if_it_had_never_stopped(string strategy)
    {
        VectorWorld whole = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(whole.Spec(strategy), whole);
        Assert.IsType<RunCompleted>(whole.Log[^1]);

        for (int cut = 0; cut <= whole.Log.Count; cut++)
        {
            VectorWorld rest = await WorldAfter(whole.Log.Take(cut));
            int before = rest.Computed;
            RecordedActivities resumed = new([.. whole.Log.Take(cut)], rest);
            await EvolutionRun.RunAsync(whole.Spec(strategy), resumed);

            Assert.Equal(whole.Log.Skip(cut).Select(Json), rest.Log.Select(Json));
            Assert.True(rest.Computed - before <= whole.Computed - Outcomes(whole.Log.Take(cut)), "something was computed again");
        }
    }

    [Fact]
    public async Task A_run_that_pauses_after_every_generation_decides_the_same_and_computes_nothing_twice()
    {
        VectorWorld whole = VectorWorld.Specialists(), paused = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(whole.Spec("kinship"), whole);
        int last = whole.Log.OfType<GenerationCompleted>().Last().Generation;

        for (int generation = 1; generation <= last; generation++)
        {
            paused.PauseAfter = generation;
            RunState state = await EvolutionRun.RunAsync(paused.Spec("kinship"), new RecordedActivities([.. paused.Log], paused));
            Assert.Equal(generation, state.Generations[^1].Generation);
            Assert.Equal(generation == last, state.Completed is not null);
        }

        Assert.Equal(whole.Log.Select(Json), paused.Log.Select(Json));
        Assert.Equal(whole.Computed, paused.Computed);
    }

    [Fact]
    public async Task An_audit_of_the_log_alone_decides_the_same_and_computes_nothing()
    {
        VectorWorld world = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(world.Spec("kinship"), world);
        RecordedActivities audit = new(world.Log);
        await EvolutionRun.RunAsync(world.Spec("kinship"), audit);
        Assert.Equal(world.Log.Count, audit.Replayed);
    }

    [Fact]
    public async Task An_audit_of_a_log_that_ends_early_says_so()
    {
        VectorWorld world = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(world.Spec("kinship"), world);
        HistoryEndedException ended = await Assert.ThrowsAsync<HistoryEndedException>(() =>
            EvolutionRun.RunAsync(world.Spec("kinship"), new RecordedActivities([.. world.Log.SkipLast(1)])));
        Assert.Contains($"after {world.Log.Count - 1} events", ended.Message);
    }

    [Fact]
    public async Task Events_of_the_host_change_no_decision_wherever_they_stand()
    {
        VectorWorld world = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(world.Spec("kinship"), world);
        await Gen.Int[0, world.Log.Count].Array[1, 8].SampleAsync(async places =>
        {
            List<RunEvent> log = [.. world.Log];
            foreach (int place in places)
                log.Insert(place, place % 2 == 0 ? new RunSuspended("asked to") : new RunResumed(place));
            RecordedActivities audit = new(log);
            await EvolutionRun.RunAsync(world.Spec("kinship"), audit);
            Assert.Equal(log.Count, audit.Replayed);
        }, iter: 100);
    }

    [Fact]
    public async Task A_decision_that_differs_from_the_log_is_named_with_both_versions()
    {
        VectorWorld world = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(world.Spec("kinship"), world);
        int index = world.Log.FindIndex(e => e is ParentsSelected { Generation: 2 });
        ParentsSelected recorded = (ParentsSelected)world.Log[index];
        world.Log[index] = recorded with { Pairs = [.. recorded.Pairs.Reverse()] };

        DivergedException diverged = await Assert.ThrowsAsync<DivergedException>(() =>
            EvolutionRun.RunAsync(world.Spec("kinship"), new RecordedActivities(world.Log)));
        Assert.Equal(index, diverged.Index);
        Assert.Contains("pedigree.parents.selected", diverged.Message);
    }

    [Fact]
    public async Task Another_spec_diverges_at_the_first_event()
    {
        VectorWorld world = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(world.Spec("kinship"), world);
        DivergedException diverged = await Assert.ThrowsAsync<DivergedException>(() =>
            EvolutionRun.RunAsync(world.Spec("kinship") with { Seed = 8 }, new RecordedActivities(world.Log)));
        Assert.Equal(0, diverged.Index);
    }

    [Fact]
    public async Task A_child_that_cannot_be_made_or_scored_is_left_out_and_the_replay_knows()
    {
        VectorWorld world = new(
            new Dictionary<string, double[]> { ["a"] = [4, 0, 1], ["b"] = [0, 3, 0], ["c"] = [1, 0, 2] }, [1, 1, 1])
        {
            Unmergeable = ["1-1"],
            Unscorable = ["1-2"],
        };
        RunState end = await EvolutionRun.RunAsync(world.Spec("greedy"), world);
        Assert.Equal(["1-1", "1-2"], world.Log.OfType<WorkFailed>().Select(e => e.Name));
        Assert.DoesNotContain("1-1", end.Models.Keys);
        Assert.DoesNotContain("1-2", end.Models.Keys);
        Assert.Contains("1-3", end.Models.Keys);

        RecordedActivities audit = new(world.Log);
        await EvolutionRun.RunAsync(world.Spec("greedy"), audit);
        Assert.Equal(world.Log.Count, audit.Replayed);
    }

    [Fact]
    public async Task A_run_told_to_end_at_once_ends_with_what_it_has_and_its_log_decides_the_same_again()
    {
        VectorWorld whole = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(whole.Spec("kinship"), whole);
        for (int pieces = 0; pieces < whole.Computed; pieces++)
        {
            VectorWorld world = VectorWorld.Specialists(pieces);
            RunState end = await EvolutionRun.RunAsync(world.Spec("kinship"), world);
            Assert.Equal(StopReason.Told, end.Completed!.Reason);
            Assert.Equal(end.Population.FirstOrDefault()?.Name, end.Completed.Best?.Name);
            Assert.Equal(whole.Log.Take(world.Log.Count - 1).Select(Json), world.Log.SkipLast(1).Select(Json));

            RecordedActivities audit = new(world.Log);
            await EvolutionRun.RunAsync(world.Spec("kinship"), audit);
            Assert.Equal(world.Log.Count, audit.Replayed);
        }
    }

    [Fact]
    public async Task A_run_told_to_end_while_it_was_suspended_does_no_more_work_and_replays_wherever_it_was_cut()
    {
        VectorWorld whole = VectorWorld.Specialists();
        await EvolutionRun.RunAsync(whole.Spec("kinship"), whole);
        for (int cut = 1; cut < whole.Log.Count; cut++)
        {
            VectorWorld rest = new(new Dictionary<string, double[]>(), [0]) { EndAfter = 0 };
            IReadOnlyList<RunEvent> before = [.. whole.Log.Take(cut)];
            // Rows of kinship that are not all recorded are measured to their end.
            if (whole.Log[cut] is KinshipMeasured)
                continue;
            await EvolutionRun.RunAsync(whole.Spec("kinship"), new RecordedActivities(before, rest));
            RecordedActivities audit = new([.. before, .. rest.Log]);
            await EvolutionRun.RunAsync(whole.Spec("kinship"), audit);
            Assert.Equal(cut + rest.Log.Count, audit.Replayed);
            Assert.Equal(0, rest.Computed);
        }
    }

    private static string Json(RunEvent e) => EventJson.TypeOf(e) + EventJson.ToJson(e).ToJsonString(EventJson.Options);

    private static int Outcomes(IEnumerable<RunEvent> log) =>
        log.Count(e => e is ModelAdmitted or ModelEvaluated or MergeCompleted);

    /// <summary>A world in which the children of the log exist already, as a store would hold them.</summary>
    private static async Task<VectorWorld> WorldAfter(IEnumerable<RunEvent> log)
    {
        VectorWorld world = VectorWorld.Specialists();
        foreach (MergeCompleted merged in log.OfType<MergeCompleted>())
            await world.MergeAsync(new MergeRequest(
                merged.Name,
                new ModelReference("base", ""),
                [.. merged.Parents.Select(name => new ModelReference(name, ""))],
                []));
        return world;
    }
}
