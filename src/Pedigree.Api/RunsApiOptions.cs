using Pedigree.Evolution;

namespace Pedigree.Api;

/// <summary>What the routes need to know besides store and host.</summary>
public sealed record RunsApiOptions
{
    /// <summary>Folders that the paths of a spec may lead into; relative ones begin at the first.</summary>
    public IReadOnlyList<string> Roots { get; init; } = [Environment.CurrentDirectory];

    /// <summary>No evaluator but the one built in.</summary>
    public static IReadOnlyDictionary<string, EvaluatorSpec> BuiltInAlone { get; } = new Dictionary<string, EvaluatorSpec>();

    /// <summary>Evaluators that a spec may name. It can describe none itself: they run programs.</summary>
    public IReadOnlyDictionary<string, EvaluatorSpec> Evaluators { get; init; } = BuiltInAlone;

    /// <summary>Longest silence of an event stream.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(15);
}
