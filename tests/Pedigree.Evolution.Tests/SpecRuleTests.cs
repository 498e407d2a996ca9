namespace Pedigree.Evolution.Tests;

public class SpecRuleTests
{
    private static readonly RunSpec Good = VectorWorld.Specialists().Spec("kinship");

    public static TheoryData<string, RunSpec, string> Wrong => new()
    {
        { "models", Good with { Models = [Good.Models[0]] }, "at least two models" },
        { "models.math", Good with { Models = [Good.Models[0], Good.Models[0]] }, "given twice" },
        { "models.twin", Good with { Models = [.. Good.Models, Good.Models[0] with { Name = "twin" }] },
            "the same checkpoint is given twice" },
        { "models.math", Good with { Base = "models/math" }, "this is the base" },
        { "base", Good with { Base = "" }, "names no model" },
        { "models.math",
            Good with { Models = [.. Good.Models.Select(model => model.Name == "math" ? model with { Path = " " } : model)] },
            "names no model" },
        { "models.../up", Good with { Models = [.. Good.Models, new ModelSource("../up", "x")] }, "a name is letters" },
        { "models.base", Good with { Models = [.. Good.Models, new ModelSource("base", "x")] }, "the run's own" },
        { "models.2-exp", Good with { Models = [.. Good.Models, new ModelSource("2-exp", "x")] }, "the run's own" },
        { "tasks", Good with { Tasks = [] }, "at least one task" },
        { "tasks[1]", Good with { Tasks = [Good.Tasks[0], Good.Tasks[0]] }, "given twice" },
        { "tasks[0].weight", Good with { Tasks = [Good.Tasks[0] with { Weight = double.NaN }] }, "above 0" },
        { "tasks",
            Good with { Tasks = [Good.Tasks[0] with { Weight = 1e308 }, Good.Tasks[0] with { Task = "other", Weight = 1e308 }] },
            "too large" },
        { "tasks[0]",
            Good with { Evaluator = new("command", ["score"]), Tasks = [Good.Tasks[0] with { SystemInstruction = "be kind" }] },
            "a command puts prompts as it will" },
        { "tasks[0].limit", Good with { Tasks = [Good.Tasks[0] with { Limit = 0 }] }, "1 or more" },
        { "tasks[0].fewshot", Good with { Tasks = [Good.Tasks[0] with { Fewshot = -1 }] }, "0 or more" },
        { "strategy.name", Good with { Strategy = new("kinsip") }, "use greedy, kinship, random" },
        { "strategy.k", Good with { Strategy = new("greedy", 1) }, "2 or more" },
        { "strategy.k", Good with { Strategy = new("greedy", 5) }, "begins with 4 models" },
        { "strategy.explore", Good with { Strategy = new("kinship", 3, -1) }, "0 or more" },
        { "stop.kinship", Good with { Stop = new(Kinship: 1.5) }, "between -1 and 1" },
        { "stop.kinship", Good with { Stop = new(Kinship: double.NaN) }, "a number" },
        { "stop.generations", Good with { Stop = new(Generations: 0) }, "1 or more" },
        { "stop.patience", Good with { Stop = new(Patience: 0) }, "1 or more" },
        { "stop.evaluations", Good with { Stop = new(Evaluations: 5) }, "take 5 evaluations" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_wrong_spec_is_refused_before_anything_happens(string field, RunSpec spec, string message)
    {
        VectorWorld world = VectorWorld.Specialists();
        InvalidSpecException refused = await Assert.ThrowsAsync<InvalidSpecException>(() => EvolutionRun.RunAsync(spec, world));
        Assert.Equal(field, refused.Field);
        Assert.Contains(message, refused.Message);
        Assert.Empty(world.Log);
        Assert.Equal(0, world.Computed);
    }

    [Fact]
    public async Task Two_models_with_the_same_weights_are_refused_before_any_is_scored()
    {
        VectorWorld world = new(
            new Dictionary<string, double[]> { ["a"] = [1, 0, 3], ["b"] = [1, 0, 3], ["c"] = [0, 1, 1] }, [1, 1, 1]);
        InvalidSpecException refused =
            await Assert.ThrowsAsync<InvalidSpecException>(() => EvolutionRun.RunAsync(world.Spec("greedy"), world));
        Assert.Equal("models.b", refused.Field);
        Assert.DoesNotContain(world.Log, e => e is ModelEvaluated);
    }
}
