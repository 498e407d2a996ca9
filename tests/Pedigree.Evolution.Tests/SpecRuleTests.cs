namespace Pedigree.Evolution.Tests;

public class SpecRuleTests
{
    private static readonly RunSpec good = VectorWorld.Specialists().Spec("kinship");

    public static TheoryData<string, RunSpec, string> Wrong => new()
    {
        { "models", good with { Models = [good.Models[0]] }, "at least two models" },
        { "models.math", good with { Models = [good.Models[0], good.Models[0]] }, "given twice" },
        { "models.twin", good with { Models = [.. good.Models, good.Models[0] with { Name = "twin" }] }, "the same checkpoint is given twice" },
        { "models.math", good with { Base = "models/math" }, "this is the base" },
        { "base", good with { Base = "" }, "names no model" },
        { "models.math", good with { Models = [.. good.Models.Select(model => model.Name == "math" ? model with { Path = " " } : model)] }, "names no model" },
        { "models.../up", good with { Models = [.. good.Models, new ModelSource("../up", "x")] }, "a name is letters" },
        { "models.base", good with { Models = [.. good.Models, new ModelSource("base", "x")] }, "the run's own" },
        { "models.2-exp", good with { Models = [.. good.Models, new ModelSource("2-exp", "x")] }, "the run's own" },
        { "tasks", good with { Tasks = [] }, "at least one task" },
        { "tasks[1]", good with { Tasks = [good.Tasks[0], good.Tasks[0]] }, "given twice" },
        { "tasks[0].weight", good with { Tasks = [good.Tasks[0] with { Weight = double.NaN }] }, "above 0" },
        { "tasks", good with { Tasks = [good.Tasks[0] with { Weight = 1e308 }, good.Tasks[0] with { Task = "other", Weight = 1e308 }] }, "too large" },
        { "tasks[0]", good with { Evaluator = new("command", ["score"]), Tasks = [good.Tasks[0] with { SystemInstruction = "be kind" }] }, "a command puts prompts as it will" },
        { "tasks[0].limit", good with { Tasks = [good.Tasks[0] with { Limit = 0 }] }, "1 or more" },
        { "tasks[0].fewshot", good with { Tasks = [good.Tasks[0] with { Fewshot = -1 }] }, "0 or more" },
        { "strategy.name", good with { Strategy = new("kinsip") }, "use greedy, kinship, random" },
        { "strategy.k", good with { Strategy = new("greedy", 1) }, "2 or more" },
        { "strategy.k", good with { Strategy = new("greedy", 5) }, "begins with 4 models" },
        { "strategy.explore", good with { Strategy = new("kinship", 3, -1) }, "0 or more" },
        { "stop.kinship", good with { Stop = new(Kinship: 1.5) }, "between -1 and 1" },
        { "stop.kinship", good with { Stop = new(Kinship: double.NaN) }, "a number" },
        { "stop.generations", good with { Stop = new(Generations: 0) }, "1 or more" },
        { "stop.patience", good with { Stop = new(Patience: 0) }, "1 or more" },
        { "stop.evaluations", good with { Stop = new(Evaluations: 5) }, "take 5 evaluations" },
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
        VectorWorld world = new(new Dictionary<string, double[]> { ["a"] = [1, 0, 3], ["b"] = [1, 0, 3], ["c"] = [0, 1, 1] }, [1, 1, 1]);
        InvalidSpecException refused = await Assert.ThrowsAsync<InvalidSpecException>(() => EvolutionRun.RunAsync(world.Spec("greedy"), world));
        Assert.Equal("models.b", refused.Field);
        Assert.DoesNotContain(world.Log, e => e is ModelEvaluated);
    }
}
