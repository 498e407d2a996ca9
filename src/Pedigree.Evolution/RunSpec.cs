using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Pedigree.Evolution;

/// <summary>What a run is asked to do. Paths are kept as they were given; whoever runs it resolves them.</summary>
public sealed record RunSpec
{
    /// <summary>The common ancestor of all models.</summary>
    public required string Base { get; init; }

    /// <summary>The models of generation 0, in the order given.</summary>
    public required IReadOnlyList<ModelSource> Models { get; init; }

    /// <summary>What every model is scored by; at least one.</summary>
    public required IReadOnlyList<TaskSpec> Tasks { get; init; }

    /// <summary>The body of a mergekit config (method, parameters, dtype …) without its models.</summary>
    public required JsonObject Merge { get; init; }

    /// <summary>Who is merged with whom.</summary>
    public StrategySpec Strategy { get; init; } = new();

    /// <summary>How kinship is measured.</summary>
    public KinshipSpec Kinship { get; init; } = new();

    /// <summary>When to stop.</summary>
    public StopSpec Stop { get; init; } = new();

    /// <summary>What scores the models; null for what is built in.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public EvaluatorSpec? Evaluator { get; init; }

    /// <summary>Level below which a p-value makes two models different; null where every difference of averages counts.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Significance { get; init; }

    /// <summary>Children are given up once they cannot enter S; null where every child is asked everything.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SequentialSpec? Sequential { get; init; }

    /// <summary>Whose checkpoints stay.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public Keep Keep { get; init; }

    /// <summary>Feeds the random strategy and random merge methods; the others use no chance.</summary>
    public long Seed { get; init; }
}

/// <summary>A name and where the checkpoint lies.</summary>
public sealed record ModelSource(string Name, string Path);

/// <summary>One task as the spec names it.</summary>
/// <param name="Task">Name of a built-in task or path of a task file.</param>
/// <param name="Data">JSONL file that replaces the task's own data.</param>
/// <param name="Fewshot">Number of examples in the prompt; null leaves it to the task.</param>
/// <param name="Limit">Only the first so many rows; null for all.</param>
/// <param name="Metric">The metric that counts; null for the task's first.</param>
/// <param name="Weight">Weight in the average.</param>
/// <param name="ApplyChatTemplate">Whether prompts are messages, written as the model's chat template says.</param>
/// <param name="FewshotAsMultiturn">Whether examples are messages of their own then; null for yes.</param>
/// <param name="SystemInstruction">Begins every prompt.</param>
/// <param name="Digest">SHA-256 of definition, data and settings: a task whose data changed is another task.</param>
/// <param name="ChatTemplate">Of a model with several chat templates the name of the one to use; null for its default.</param>
public sealed record TaskSpec(
    string Task, string? Data = null, int? Fewshot = null, int? Limit = null, string? Metric = null, double Weight = 1,
    string? Digest = null, bool? ApplyChatTemplate = null, bool? FewshotAsMultiturn = null, string? SystemInstruction = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ChatTemplate = null)
{
    /// <summary>Whether it says how prompts are put to a model that chats.</summary>
    [JsonIgnore]
    public bool IsChat => ApplyChatTemplate == true || FewshotAsMultiturn is not null || SystemInstruction is not null;
}

/// <summary>Strategy and its two numbers.</summary>
/// <param name="Name">One of <see cref="Strategies.Strategy.Names"/>.</param>
/// <param name="K">Size of the selected set S; null for 3, or all models where fewer are admitted.</param>
/// <param name="Explore">Exploring merges a generation (kinship strategy only).</param>
public sealed record StrategySpec(string Name = "kinship", int? K = null, int Explore = 1);

/// <summary>Which similarity of two δ decides, and how the kinship of a child is come by.</summary>
public sealed record KinshipSpec(KinshipMeasure Measure = KinshipMeasure.Pearson, KinshipPrice Price = KinshipPrice.Measured);

/// <summary>Limits; null switches one off.</summary>
/// <param name="Kinship">Stop when the mean kinship of S passes this (a distance: falls below it).</param>
/// <param name="Generations">Generations at most.</param>
/// <param name="Evaluations">Models evaluated at most, the admitted ones and the base included.</param>
/// <param name="Patience">Generations without a better best.</param>
public sealed record StopSpec(double? Kinship = 0.9, int? Generations = 10, int? Evaluations = null, int? Patience = 3);

/// <summary>What scores the models.</summary>
/// <param name="Name">One of <see cref="Names"/>.</param>
/// <param name="Command">lm_eval, command: program and arguments.</param>
/// <param name="ModelArgs">lm_eval: what is added to its model_args, as in <c>dtype=bfloat16</c>.</param>
/// <param name="Url">completions: base address of the server, <c>http://127.0.0.1:8000/v1</c>.</param>
/// <param name="Model">completions: name by which a model is served; <c>{model}</c> stands for its folder.</param>
/// <param name="Timeout">Seconds that one attempt may take: a request of completions, else all tasks of a model.</param>
/// <param name="Attempts">How often it is tried before the failure counts.</param>
public sealed record EvaluatorSpec(
    string Name,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Command = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ModelArgs = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Url = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Model = null,
    double Timeout = 3600, int Attempts = 3)
{
    /// <summary>The evaluator of this program; a spec without one means it too.</summary>
    public const string BuiltIn = "built-in";

    /// <summary>lm-evaluation-harness as a process.</summary>
    public const string LmEval = "lm_eval";

    /// <summary>An OpenAI-compatible completions endpoint with log-probabilities.</summary>
    public const string Completions = "completions";

    /// <summary>A program of the user's own.</summary>
    public const string Program = "command";

    /// <summary>What a spec may name.</summary>
    public static IReadOnlyList<string> Names { get; } = [BuiltIn, LmEval, Completions, Program];

    /// <summary>Whether it is a program that takes tasks by its own names and cannot be asked item by item.</summary>
    public bool IsProgram => Name is LmEval or Program;
}

/// <summary>Sequential evaluation of children.</summary>
/// <param name="Confidence">With which a child that is given up would not have entered S.</param>
public sealed record SequentialSpec(double Confidence = 0.99);
