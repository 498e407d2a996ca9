using System.Text.RegularExpressions;
using Pedigree.Evolution.Strategies;

namespace Pedigree.Evolution;

/// <summary>What a spec must satisfy, before anything is opened and after the models are known.</summary>
public static partial class SpecRules
{
    /// <summary>Checks that need the spec alone.</summary>
    /// <exception cref="InvalidSpecException">Names the first field that is wrong.</exception>
    public static void Check(RunSpec spec)
    {
        Require(spec.Models.Count >= 2, "models", $"at least two models are needed to merge, not {spec.Models.Count}");
        foreach (ModelSource model in spec.Models)
        {
            Require(NamePattern().IsMatch(model.Name), $"models.{model.Name}",
                "a name is letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64 long");
            Require(model.Name != RunState.BaseName && !ChildPattern().IsMatch(model.Name), $"models.{model.Name}",
                "'base' and names like 2-1 or 2-exp are the run's own: choose another name");
        }
        RequireDistinct(spec.Models.Select(model => (model.Name, $"models.{model.Name}")), "the name is given twice");
        RequireDistinct(spec.Models.Select(model => (model.Path, $"models.{model.Name}")), "the same checkpoint is given twice");
        foreach (ModelSource model in spec.Models)
            Require(model.Path != spec.Base, $"models.{model.Name}", "this is the base, which cannot be one of its own descendants");

        Require(spec.Tasks.Count > 0, "tasks", "at least one task is needed to choose the best");
        RequireDistinct(spec.Tasks.Select((task, index) => (task.Task, $"tasks[{index}]")), "the task is given twice");
        for (int index = 0; index < spec.Tasks.Count; index++)
        {
            TaskSpec task = spec.Tasks[index];
            Require(double.IsFinite(task.Weight) && task.Weight > 0, $"tasks[{index}].weight", "a weight is a number above 0");
            Require(task.Limit is null or > 0, $"tasks[{index}].limit", "a limit is 1 or more rows");
            Require(task.Fewshot is null or >= 0, $"tasks[{index}].fewshot", "the number of examples is 0 or more");
        }

        Require(Strategy.Exists(spec.Strategy.Name), "strategy.name",
            $"there is no strategy '{spec.Strategy.Name}': use {string.Join(", ", Strategy.Names)}");
        Require(spec.Strategy.K is null or >= 2, "strategy.k", "k is 2 or more: one model cannot be merged");
        Require(spec.Strategy.K is null || spec.Strategy.K <= spec.Models.Count, "strategy.k",
            $"k is {spec.Strategy.K}, but the population begins with {spec.Models.Count} models: use at most {spec.Models.Count}");
        Require(spec.Strategy.Explore >= 0, "strategy.explore", "the number of exploring merges is 0 or more");

        Require(spec.Stop.Kinship is null || double.IsFinite(spec.Stop.Kinship.Value), "stop.kinship", "a threshold is a number");
        Require(spec.Stop.Kinship is null || spec.Kinship.Measure == KinshipMeasure.Euclidean || Math.Abs(spec.Stop.Kinship.Value) <= 1,
            "stop.kinship", "a correlation or cosine lies between -1 and 1");
        Require(spec.Stop.Generations is null or >= 1, "stop.generations", "the number of generations is 1 or more");
        Require(spec.Stop.Patience is null or >= 1, "stop.patience", "patience is 1 or more generations");
        Require(spec.Stop.Evaluations is null || spec.Stop.Evaluations > spec.Models.Count + 1, "stop.evaluations",
            $"the base and the {spec.Models.Count} models take {spec.Models.Count + 1} evaluations before the first merge: allow more");
    }

    internal static void CheckAdmitted(RunState state)
    {
        foreach (Model model in state.Models.Values)
            Require(model.Digest != state.Base!.Digest, $"models.{model.Name}", "its content is that of the base");
        RequireDistinct(state.Models.Values.Select(model => (model.Digest, $"models.{model.Name}")),
            "its content is that of another model of this run");
    }

    internal static void CheckKinship(RunState state)
    {
        foreach ((Pair pair, KinshipValue value) in state.Kinships.OrderBy(entry => entry.Key.Second, StringComparer.Ordinal))
            Require(value.Euclidean > 0, $"models.{pair.Second}", $"its weights are those of {pair.First}");
    }

    private static void RequireDistinct(IEnumerable<(string Value, string Field)> values, string message)
    {
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach ((string value, string field) in values)
            Require(seen.Add(value), field, message);
    }

    private static void Require(bool condition, string field, string message)
    {
        if (!condition)
            throw new InvalidSpecException(field, message);
    }

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"^\d+-(\d+|exp(-\d+)?)\z")]
    private static partial Regex ChildPattern();
}
