using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Pedigree.Evaluation.Tasks;

/// <summary>What a task asks of the model.</summary>
public enum OutputType
{
    /// <summary>Which of several continuations is the most probable?</summary>
    MultipleChoice,

    /// <summary>How probable is a continuation, and is it the one that the model would write?</summary>
    LogLikelihood,

    /// <summary>What does the model write, until it is told to stop?</summary>
    GenerateUntil,
}

/// <summary>A task file, read and checked.</summary>
/// <param name="Name">The task's name.</param>
/// <param name="File">Where it was read.</param>
/// <param name="Type">What is asked.</param>
/// <param name="Text">doc_to_text: the prompt, or in partial evaluation the number of the choice that the prompt ends with.</param>
/// <param name="Choices">doc_to_choice: one template that gives a list, or one a choice; empty where there are none.</param>
/// <param name="Target">doc_to_target: the answer.</param>
/// <param name="TargetDelimiter">Between prompt and answer.</param>
/// <param name="FewshotDelimiter">After every example.</param>
/// <param name="Description">Begins every prompt.</param>
/// <param name="Fewshot">Number of examples in a prompt.</param>
/// <param name="Data">Path of the rows, null where the file names none.</param>
/// <param name="FewshotData">Path of the rows that examples are drawn from; null for the rows themselves.</param>
/// <param name="Limit">Only the first so many rows.</param>
/// <param name="Generation">When to stop writing.</param>
/// <param name="Metrics">What is measured, the one that counts first.</param>
/// <param name="Filters">What is taken out of what the model wrote; at least one.</param>
/// <param name="Canonical">What the task's digest covers: the file but for where its data lies.</param>
internal sealed record TaskDefinition(
    string Name, string File, OutputType Type, Template Text, IReadOnlyList<Template> Choices, Template Target,
    string TargetDelimiter, string FewshotDelimiter, string Description, int Fewshot, string? Data, string? FewshotData, int? Limit,
    GenerationSettings Generation, IReadOnlyList<MetricSettings> Metrics, IReadOnlyList<FilterSettings> Filters, JsonObject Canonical);

/// <summary>When to stop writing.</summary>
/// <param name="Until">Texts at the first of which the output ends, itself left out.</param>
/// <param name="MaxTokens">Tokens at most.</param>
internal sealed record GenerationSettings(IReadOnlyList<string> Until, int MaxTokens);

/// <summary>A metric and, for exact_match, how both sides are made alike before they are compared.</summary>
internal sealed record MetricSettings(string Name, bool IgnoreCase, bool IgnorePunctuation, IReadOnlyList<Regex> Ignored);

/// <summary>A named chain of steps from what the model wrote to what is compared.</summary>
internal sealed record FilterSettings(string Name, IReadOnlyList<Func<string, string>> Steps)
{
    public string Apply(string output) => Steps.Aggregate(output, (text, step) => step(text));
}
