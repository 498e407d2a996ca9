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

    /// <summary>How probable is a whole text, however long?</summary>
    LogLikelihoodRolling,

    /// <summary>What does the model write, until it is told to stop?</summary>
    GenerateUntil,
}

/// <summary>How an answer becomes a score.</summary>
internal enum ScoringRule
{
    /// <summary>As the metric says.</summary>
    Standard,

    /// <summary>
    /// TruthfulQA mc2: the share of the probability that the true choices have, by the row's mc2_targets.labels.
    /// </summary>
    ShareOfTrue,

    /// <summary>WikiText: words and bytes are counted in the row's page, not in the text that is scored.</summary>
    CountsOfPage,
}

/// <summary>A task file, read and checked.</summary>
internal sealed record TaskDefinition
{
    public required string Name { get; init; }

    /// <summary>What tables call it.</summary>
    public required string Alias { get; init; }

    /// <summary>Where it was read.</summary>
    public required string File { get; init; }

    public required OutputType Type { get; init; }

    /// <summary>doc_to_text: the prompt, or in partial evaluation the number of the choice that the prompt ends with.</summary>
    public required TaskTemplate Text { get; init; }

    /// <summary>doc_to_choice; null where there are no choices.</summary>
    public TaskTemplate? Choices { get; init; }

    /// <summary>doc_to_target: the answer, or answers.</summary>
    public required TaskTemplate Target { get; init; }

    public required string TargetDelimiter { get; init; }

    /// <summary>Begins every prompt; null for nothing.</summary>
    public TaskTemplate? Description { get; init; }

    /// <summary>gen_prefix: how the answer begins, which the model is given; null for nothing.</summary>
    public TaskTemplate? AnswerPrefix { get; init; }

    public required FewshotSettings Fewshot { get; init; }

    public required DataSettings Data { get; init; }

    /// <summary>process_docs: fields that every row gets.</summary>
    public required IReadOnlyDictionary<string, TaskTemplate> AddedFields { get; init; }

    /// <summary>Only the first so many rows.</summary>
    public int? Limit { get; init; }

    public required GenerationSettings Generation { get; init; }

    /// <summary>What is measured, the one that counts first.</summary>
    public required IReadOnlyList<MetricSettings> Metrics { get; init; }

    /// <summary>What is taken out of what the model wrote; at least one.</summary>
    public required IReadOnlyList<FilterSettings> Filters { get; init; }

    public ScoringRule Rule { get; init; }

    /// <summary>metadata.version, which tables show.</summary>
    public JsonNode? Version { get; init; }

    /// <summary>The file's keys, those of a file that it includes among them.</summary>
    public required JsonObject Keys { get; init; }

    /// <summary>What the task's digest covers: the keys but for where its data lies.</summary>
    public required JsonObject Canonical { get; init; }
}

/// <summary>Where a task's rows lie. A plain path or a folder given from outside takes the place of all of it.</summary>
/// <param name="File">Path of the rows (the key data, which the harness does not have).</param>
/// <param name="FewshotFile">Path of the rows that examples are drawn from.</param>
/// <param name="Folder">dataset_path: a local folder.</param>
/// <param name="Name">dataset_name: a folder in it.</param>
/// <param name="Files">dataset_kwargs.data_files: path by split.</param>
internal sealed record DataSettings(
    string? File, string? FewshotFile, string? Folder, string? Name, IReadOnlyDictionary<string, string>? Files,
    string? TestSplit, string? ValidationSplit, string? TrainingSplit)
{
    /// <summary>The split that is scored.</summary>
    public string? Split => TestSplit ?? ValidationSplit;
}

/// <summary>The examples in a prompt.</summary>
/// <param name="Count">num_fewshot; null where the task leaves it open.</param>
/// <param name="FirstOnes">Whether the first rows are taken, and none drawn.</param>
/// <param name="Split">fewshot_split.</param>
/// <param name="Samples">fewshot_config.samples: the rows themselves.</param>
/// <param name="Text">Where examples are written otherwise than the row asked; as the other three.</param>
/// <param name="Delimiter">After every example.</param>
internal sealed record FewshotSettings(
    int? Count, bool FirstOnes, string? Split, IReadOnlyList<DataRow>? Samples, TaskTemplate Text, TaskTemplate? Choices,
    TaskTemplate Target,
    string TargetDelimiter, string Delimiter)
{
    /// <summary>gen_prefix of examples.</summary>
    public TaskTemplate? AnswerPrefix { get; init; }

    /// <summary>fewshot_config.fewshot_indices: the numbers, from 0, of the rows that examples come from; null for all.</summary>
    public IReadOnlyList<int>? Places { get; init; }
}

/// <summary>When to stop writing.</summary>
/// <param name="Until">Texts at the first of which the output ends, itself left out.</param>
/// <param name="MaxTokens">Tokens at most.</param>
internal sealed record GenerationSettings(IReadOnlyList<string> Until, int MaxTokens);

/// <summary>A metric and, for exact_match, how both sides are made alike before they are compared.</summary>
internal sealed record MetricSettings(
    string Name, bool HigherIsBetter, bool IgnoreCase = false, bool IgnorePunctuation = false, bool IgnoreNumbers = false)
{
    public IReadOnlyList<Regex> Ignored { get; init; } = [];
}

/// <summary>A named chain of steps from what the model wrote to what is compared.</summary>
internal sealed record FilterSettings(string Name, IReadOnlyList<Func<string, string>> Steps)
{
    public string Apply(string output) => Steps.Aggregate(output, (text, step) => step(text));
}
