using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Evolution;
using Pedigree.Weights;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Specs;

/// <summary>Reads a spec strictly: every key known, every value in its meaning.</summary>
internal static class SpecReader
{
    /// <param name="path">What errors call the spec.</param>
    /// <param name="folder">Where its relative paths begin.</param>
    /// <param name="root">What it says.</param>
    /// <param name="evaluators">The only evaluators that it may name; null where it may describe any.</param>
    public static SpecFile Read(
        string path, string folder, ConfigurationMapping root, IReadOnlyDictionary<string, EvaluatorSpec>? evaluators = null)
    {
        RunSpec spec = new()
        {
            Base = root.RequiredString("base"),
            Models =
                [.. root.RequiredMapping("models").Members.Select(model => new ModelSource(model.Key, model.Value.AsString()))],
            Tasks = [.. root.RequiredSequence("tasks").Select(task => Task(task.AsMapping()))],
            Merge = Merge(root.RequiredMapping("merge")),
            Strategy = Strategy(root.OptionalMapping("strategy")),
            Kinship = Kinship(root.OptionalMapping("kinship")),
            Evaluator = EvaluatorReader.Read(root.Optional("evaluator"), evaluators),
            Significance = root.OptionalNumber("significance"),
            Sequential = Sequential(root.Optional("sequential")),
            Keep = Word(root, "keep", Keep.All),
            Seed = root.OptionalInteger("seed") ?? 0,
        };
        spec = spec with { Stop = Stop(root.OptionalMapping("stop"), spec.Kinship.Measure) };
        root.RefuseUnknownKeys();
        try
        {
            SpecRules.Check(spec);
        }
        catch (InvalidSpecException error)
        {
            throw new BadInputException(path, error.Field, error.Reason);
        }
        return new(path, folder, spec);
    }

    private static TaskSpec Task(ConfigurationMapping task)
    {
        ConfigurationNode? template = task.Optional("apply_chat_template");
        // A text is the name of one of several templates.
        string? name = template is ConfigurationScalar { Value: string text } ? text : null;
        TaskSpec spec = new(
            task.RequiredString("task"), task.OptionalString("data"), Count(task, "fewshot"), Count(task, "limit"),
            task.OptionalString("metric"), task.OptionalNumber("weight") ?? 1, null,
            name is null ? template?.AsBoolean() : true, task.OptionalBoolean("fewshot_as_multiturn"),
            task.OptionalString("system_instruction"), name);
        task.RefuseUnknownKeys();
        return spec;
    }

    private static JsonObject Merge(ConfigurationMapping merge)
    {
        MergeBody.Parse(merge);
        return (JsonObject)merge.ToJson();
    }

    private static StrategySpec Strategy(ConfigurationMapping? strategy)
    {
        StrategySpec usual = new();
        if (strategy is null)
            return usual;
        StrategySpec spec = new(
            strategy.OptionalString("name") ?? usual.Name, Count(strategy, "k"), Count(strategy, "explore") ?? usual.Explore);
        strategy.RefuseUnknownKeys();
        return spec;
    }

    // A number alone is the confidence.
    private static SequentialSpec? Sequential(ConfigurationNode? node)
    {
        if (node is null or ConfigurationScalar { Value: null })
            return null;
        if (node is not ConfigurationMapping sequential)
            return new(node.AsNumber());
        SequentialSpec spec = new(sequential.OptionalNumber("confidence") ?? new SequentialSpec().Confidence);
        sequential.RefuseUnknownKeys();
        return spec;
    }

    private static KinshipSpec Kinship(ConfigurationMapping? kinship)
    {
        KinshipSpec usual = new();
        if (kinship is null)
            return usual;
        KinshipSpec spec = new(Word(kinship, "measure", usual.Measure), Word(kinship, "price", usual.Price));
        kinship.RefuseUnknownKeys();
        return spec;
    }

    // A threshold in the unit of a distance depends on the models, so there is none unless it is given.
    private static StopSpec Stop(ConfigurationMapping? stop, KinshipMeasure measure)
    {
        StopSpec usual = measure == KinshipMeasure.Euclidean ? new(Kinship: null) : new();
        if (stop is null)
            return usual;
        double? Threshold(string key, double? absent) => Absent(stop, key) ? absent : stop.OptionalNumber(key);
        int? Limit(string key, int? absent) => Absent(stop, key) ? absent : Count(stop, key);
        StopSpec spec = new(
            Threshold("kinship", usual.Kinship), Limit("generations", usual.Generations), Limit("evaluations", usual.Evaluations),
            Limit("patience", usual.Patience));
        // Those switched off or absent are known keys too.
        foreach (string key in new[] { "kinship", "generations", "evaluations", "patience" })
            stop.Optional(key);
        stop.RefuseUnknownKeys();
        // Not among the rules of SpecRules: what a run without a bound has recorded still replays.
        return spec is not { Generations: null, Evaluations: null, Patience: null } ? spec
            : throw stop.Error(
                "has no bound, and kinship may never pass its threshold: leave one of generations, evaluations and patience");
    }

    // As in the log.
    private static string Word<TEnum>(TEnum value)
        where TEnum : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    private static bool Absent(ConfigurationMapping mapping, string key) => mapping.Members.All(member => member.Key != key);

    private static int? Count(ConfigurationMapping mapping, string key) => mapping.OptionalInteger(key) switch
    {
        null => null,
        >= int.MinValue and <= int.MaxValue and var value => (int)value,
        _ => throw mapping.Required(key).Error("is too large"),
    };

    private static TEnum Word<TEnum>(ConfigurationMapping mapping, string key, TEnum absent)
        where TEnum : struct, Enum
    {
        if (mapping.Optional(key) is not { } node)
            return absent;
        string word = node.AsString();
        foreach (TEnum value in Enum.GetValues<TEnum>())
            if (Word(value) == word)
                return value;
        string[] words = [.. Enum.GetValues<TEnum>().Select(Word)];
        throw node.Error($"`{word}` is not known; use {string.Join(", ", words)}"
            + (Nearest.To(word, words) is { } near ? $" (did you mean `{near}`?)" : ""));
    }
}
