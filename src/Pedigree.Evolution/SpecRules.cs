using System.Text.RegularExpressions;
using Pedigree.Evolution.Strategies;

namespace Pedigree.Evolution;

/// <summary>What a spec must satisfy, before anything is opened and after the models are known.</summary>
public static partial class SpecRules
{
    private const string NoModel = "names no model: give a folder, a Hugging Face id, or run/model or a digest of the store";

    /// <summary>Checks that need the spec alone.</summary>
    /// <exception cref="InvalidSpecException">Names the first field that is wrong.</exception>
    public static void Check(RunSpec spec)
    {
        Require(spec.Models.Count >= 2, "models", $"at least two models are needed to merge, not {spec.Models.Count}");
        Require(!string.IsNullOrWhiteSpace(spec.Base), "base", NoModel);
        foreach (ModelSource model in spec.Models)
        {
            Require(!string.IsNullOrWhiteSpace(model.Path), $"models.{model.Name}", NoModel);
            Require(NamePattern().IsMatch(model.Name), $"models.{model.Name}",
                "a name is letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64 long");
            Require(model.Name != RunState.BaseName && !ChildPattern().IsMatch(model.Name), $"models.{model.Name}",
                "'base' and names like 2-1 or 2-exp are the run's own: choose another name");
        }
        RequireDistinct(spec.Models.Select(model => (model.Name, $"models.{model.Name}")), "the name is given twice");
        RequireDistinct(spec.Models.Select(model => (model.Path, $"models.{model.Name}")), "the same checkpoint is given twice");
        foreach (ModelSource model in spec.Models)
            Require(model.Path != spec.Base, $"models.{model.Name}",
                "this is the base, which cannot be one of its own descendants");

        Require(spec.Tasks.Count > 0, "tasks", "at least one task is needed to choose the best");
        RequireDistinct(spec.Tasks.Select((task, index) => (task.Task, $"tasks[{index}]")), "the task is given twice");
        Require(!double.IsPositiveInfinity(spec.Tasks.Sum(task => task.Weight)), "tasks",
            "the sum of the weights is too large: choose smaller ones");
        for (int index = 0; index < spec.Tasks.Count; index++)
        {
            TaskSpec task = spec.Tasks[index];
            Require(double.IsFinite(task.Weight) && task.Weight > 0, $"tasks[{index}].weight", "a weight is a number above 0");
            Require(task.Limit is null or > 0, $"tasks[{index}].limit", "a limit is 1 or more rows");
            Require(task.Fewshot is null or >= 0, $"tasks[{index}].fewshot", "the number of examples is 0 or more");
        }

        Require(spec.Significance is null or > 0 and < 1, "significance",
            "a level of significance lies between 0 and 1: 0.05 is usual");
        Require(spec.Sequential is null or { Confidence: >= 0.5 and < 1 }, "sequential.confidence",
            "a confidence is at least 0.5 and below 1: 0.99 is usual");
        if (spec.Evaluator is { } evaluator)
            CheckEvaluator(spec, evaluator);

        Require(Strategy.Exists(spec.Strategy.Name), "strategy.name",
            $"there is no strategy '{spec.Strategy.Name}': use {string.Join(", ", Strategy.Names)}");
        Require(spec.Strategy.K is null or >= 2, "strategy.k", "k is 2 or more: one model cannot be merged");
        Require(spec.Strategy.K is null || spec.Strategy.K <= spec.Models.Count, "strategy.k",
            $"k is {spec.Strategy.K}, but the population begins with {spec.Models.Count} models: "
            + $"use at most {spec.Models.Count}");
        Require(spec.Strategy.Explore >= 0, "strategy.explore", "the number of exploring merges is 0 or more");

        Require(spec.Stop.Kinship is null || double.IsFinite(spec.Stop.Kinship.Value), "stop.kinship", "a threshold is a number");
        Require(
            spec.Stop.Kinship is null || spec.Kinship.Measure == KinshipMeasure.Euclidean
                || Math.Abs(spec.Stop.Kinship.Value) <= 1,
            "stop.kinship",
            "a correlation or cosine lies between -1 and 1");
        Require(spec.Stop.Generations is null or >= 1, "stop.generations", "the number of generations is 1 or more");
        Require(spec.Stop.Patience is null or >= 1, "stop.patience", "patience is 1 or more generations");
        Require(spec.Stop.Evaluations is null || spec.Stop.Evaluations > spec.Models.Count + 1, "stop.evaluations",
            $"the base and the {spec.Models.Count} models take {spec.Models.Count + 1} evaluations before the first merge: "
            + "allow more");
    }

    private static void CheckEvaluator(RunSpec spec, EvaluatorSpec evaluator)
    {
        Require(EvaluatorSpec.Names.Contains(evaluator.Name), "evaluator.name",
            $"there is no evaluator '{evaluator.Name}': use {string.Join(", ", EvaluatorSpec.Names)}");
        Require(
            evaluator.Command is null || evaluator.IsProgram && evaluator.Command is [{ Length: > 0 }, ..],
            "evaluator.command",
            "a command is a program and its arguments, for lm_eval and command alone");
        Require(evaluator.Name != EvaluatorSpec.Program || evaluator.Command is not null, "evaluator.command",
            "is missing: the program that scores, and its arguments");
        Require(evaluator.ModelArgs is null || evaluator.Name == EvaluatorSpec.LmEval, "evaluator.model_args",
            "are for lm_eval alone");
        Require((evaluator.Name == EvaluatorSpec.Completions) == (evaluator.Url is not null), "evaluator.url",
            "is the address of a completions server, http://127.0.0.1:8000/v1, for completions and nothing else");
        Require(
            evaluator.Url is null
                || Uri.TryCreate(evaluator.Url, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https",
            "evaluator.url",
            $"'{evaluator.Url}' is no address; http://127.0.0.1:8000/v1 would be right");
        Require(evaluator.Model is null || evaluator.Name == EvaluatorSpec.Completions, "evaluator.model",
            "is the name that a completions server knows a model by");
        Require(double.IsFinite(evaluator.Timeout) && evaluator.Timeout is > 0 and <= 1e6, "evaluator.timeout",
            "is a number of seconds above 0, at most a million");
        Require(evaluator.Attempts is >= 1 and <= 100, "evaluator.attempts", "is 1 to 100");
        Require(spec.Sequential is null || !evaluator.IsProgram, "sequential",
            $"{evaluator.Name} cannot be asked a part of the items: leave it out, or use the built-in evaluator or completions");
        for (int index = 0; index < spec.Tasks.Count; index++)
        {
            Require(evaluator.Name != EvaluatorSpec.LmEval || spec.Tasks[index].Data is null, $"tasks[{index}].data",
                "lm_eval reads the data that its task files name: leave it out, or name a task file with this data");
            Require(evaluator.Name != EvaluatorSpec.Program || !spec.Tasks[index].IsChat, $"tasks[{index}]",
                "a command puts prompts as it will: leave out apply_chat_template, fewshot_as_multiturn and system_instruction");
        }
    }

    internal static void CheckAdmitted(RunState state)
    {
        foreach (Model model in state.Models.Values)
            Require(model.Digest != state.Base!.Digest, $"models.{model.Name}",
                "its content is that of the base; remove it, or give a model that was trained further");
        RequireDistinct(state.Models.Values.Select(model => (model.Digest, $"models.{model.Name}")),
            "its content is that of another model of this run; a model may be given once");
    }

    internal static void CheckKinship(RunState state)
    {
        foreach ((Pair pair, KinshipValue value) in state.Kinships.OrderBy(entry => entry.Key.Second, StringComparer.Ordinal))
            Require(value.Euclidean > 0, $"models.{pair.Second}", $"its weights are those of {pair.First}");
    }

    /// <summary>Scores of two versions of an evaluator are no scores of one run.</summary>
    internal static void CheckSameEvaluator(RunState state, string? evaluator) => Require(
        evaluator is null || state.Evaluator is null || evaluator == state.Evaluator, "evaluator",
        $"is {evaluator}, but the models so far were scored by {state.Evaluator}: restore that, or begin another run");

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
