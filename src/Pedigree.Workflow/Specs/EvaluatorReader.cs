using Pedigree.Evolution;
using Pedigree.Weights;
using Pedigree.Weights.Configuration;

namespace Pedigree.Workflow.Specs;

/// <summary>Reads what scores the models.</summary>
public static class EvaluatorReader
{
    /// <summary>Evaluators by name, as a server offers them: a YAML file of name: {name, command, …}.</summary>
    /// <exception cref="BadInputException">The file is not right.</exception>
    public static IReadOnlyDictionary<string, EvaluatorSpec> ReadFile(string path)
    {
        Dictionary<string, EvaluatorSpec> evaluators = new(StringComparer.Ordinal);
        foreach ((string name, ConfigurationNode settings) in ConfigurationReader.ReadFile(Path.GetFullPath(path)).Members)
            evaluators[name] = Read(settings, null) ?? throw settings.Error("is built in, and need not be offered");
        return evaluators;
    }

    /// <summary>The evaluator that a spec names or describes; null for what is built in.</summary>
    /// <param name="node">A name, or a mapping with name and settings.</param>
    /// <param name="offered">The only ones that it may name; null where it may describe any.</param>
    internal static EvaluatorSpec? Read(ConfigurationNode? node, IReadOnlyDictionary<string, EvaluatorSpec>? offered)
    {
        if (node is null or ConfigurationScalar { Value: null or EvaluatorSpec.BuiltIn })
            return null;
        if (offered is not null)
        {
            return node is ConfigurationScalar && offered.TryGetValue(node.AsString(), out EvaluatorSpec? known) ? known
                : throw node.Error("must be the name of an evaluator that this server offers: "
                    + $"{string.Join(", ", offered.Keys.Prepend(EvaluatorSpec.BuiltIn))}");
        }
        if (node is not ConfigurationMapping settings)
            return new(node.AsString());
        EvaluatorSpec usual = new(settings.RequiredString("name"));
        EvaluatorSpec spec = usual with
        {
            Command = settings.Optional("command") switch
            {
                null => null,
                ConfigurationSequence words => [.. words.Items.Select(word => word.AsString())],
                var program => [program.AsString()],
            },
            ModelArgs = settings.OptionalString("model_args"),
            Url = settings.OptionalString("url"),
            Model = settings.OptionalString("model"),
            Timeout = settings.OptionalNumber("timeout") ?? usual.Timeout,
            Attempts = settings.OptionalInteger("attempts") is { } attempts
                ? (int)Math.Clamp(attempts, 0, int.MaxValue)
                : usual.Attempts,
        };
        settings.RefuseUnknownKeys();
        return spec.Name == EvaluatorSpec.BuiltIn ? null : spec;
    }
}
