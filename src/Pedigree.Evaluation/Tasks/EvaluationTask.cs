using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>A task with its data, or a group of tasks, read and checked before any model is loaded.</summary>
public sealed record EvaluationTask
{
    private EvaluationTask(string name, string alias, string file, IReadOnlyList<string> metrics, string? metric)
    {
        (Name, Alias, File) = (name, alias, file);
        PrimaryMetric = metric is null || metrics.Contains(metric) ? metric ?? metrics[0]
            : throw new BadInputException(file, "metric",
                $"\"{metric}\" is not measured by {name}; use {string.Join(" or ", metrics)}.");
    }

    /// <summary>The task's name.</summary>
    public string Name { get; }

    /// <summary>What tables call it.</summary>
    public string Alias { get; }

    /// <summary>What is asked of the model; of a group, of its first task.</summary>
    public OutputType Type => Definition?.Type ?? Members[0].Type;

    /// <summary>
    /// SHA-256, in hexadecimal, of definition, data, few-shot setting and limit: together with a checkpoint it names a score.
    /// </summary>
    public required string Digest { get; init; }

    /// <summary>Number of examples in a prompt; of a group, of its first task.</summary>
    public int Fewshot { get; private init; }

    /// <summary>Only the first so many rows; null for all.</summary>
    public int? Limit { get; private init; }

    /// <summary>The file or folder of rows that was given in place of the task's own; null where none was.</summary>
    internal string? Data { get; private init; }

    /// <summary>How many rows its data has, whatever the limit.</summary>
    internal int Available { get; private init; }

    /// <summary>The metric that counts.</summary>
    public string PrimaryMetric { get; }

    /// <summary>The rows, in order; of a group, those of all its tasks.</summary>
    public required IReadOnlyList<EvaluationItem> Items { get; init; }

    /// <summary>The tasks of a group; none for a task.</summary>
    public IReadOnlyList<EvaluationTask> Members { get; private init; } = [];

    /// <summary>
    /// Version of the definition, as the harness gives it: of a task as it stands there, or Yaml; of a group as text, or N/A.
    /// </summary>
    public JsonNode Version =>
        Group is { } group ? group.Version?.ToString() ?? "N/A" : Definition!.Version?.DeepClone() ?? "Yaml";

    /// <summary>Number of examples in a prompt; null of a group whose tasks differ in it.</summary>
    public int? Shots => Leaves().Select(leaf => leaf.Fewshot).Distinct().ToList() is [var same] ? same : null;

    /// <summary>Whether a higher value of the metric that counts is better.</summary>
    public bool HigherIsBetter => Metrics.HigherIsBetter(PrimaryMetric);

    /// <summary>Whether the score is a mean over rows, so that two models can be compared row by row.</summary>
    public bool IsMean => Metrics.Aggregation(PrimaryMetric) == "mean";

    internal string File { get; }

    internal TaskDefinition? Definition { get; private init; }

    internal GroupDefinition? Group { get; private init; }

    /// <summary>How prompts are put.</summary>
    public ChatSettings Chat { get; private init; } = ChatSettings.None;

    internal static EvaluationTask Of(
        TaskDefinition definition, TaskRows rows, string? data, int fewshot, int? limit, string? metric, ChatSettings chat) =>
        new(definition.Name, definition.Alias, definition.File, [.. definition.Metrics.Select(known => known.Name)], metric)
        {
            Definition = definition,
            Fewshot = fewshot,
            Limit = limit,
            Available = rows.Rows.Count,
            Data = data,
            Items = ItemMaker.Make(definition, rows, fewshot, limit, chat),
            Chat = chat,
            Digest = Hash(new JsonObject
            {
                ["definition"] = definition.Canonical.DeepClone(),
                ["data"] = rows.Digest,
                ["fewshot"] = fewshot,
                ["fewshotData"] = fewshot > 0 && !ReferenceEquals(rows.Pool, rows.Rows) ? rows.PoolDigest : null,
                ["limit"] = limit,
            }, chat),
        };

    internal static EvaluationTask Of(GroupDefinition group, IReadOnlyList<EvaluationTask> members, int? limit, string? metric)
    {
        if (members.GroupBy(member => member.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new BadInputException(group.File, "task", $"\"{twice.Key}\" is given twice");
        return new(group.Name, group.Alias, group.File, [.. group.Metrics.Select(known => known.Name)], metric)
        {
            Group = group,
            Members = members,
            Fewshot = members[0].Fewshot,
            Chat = members[0].Chat,
            Limit = limit,
            Items = [.. members.SelectMany(member => member.Items)],
            Digest = Hash(new JsonObject
            {
                ["group"] = group.Name,
                ["members"] = new JsonArray([.. members.Select(member => (JsonNode)member.Digest)]),
                ["metrics"] = new JsonArray([.. group.Metrics.Select(
                    known => (JsonNode)$"{known.Name} {known.WeightBySize} {string.Join(",", known.Filters ?? [])}")]),
            }),
        };
    }

    /// <summary>Some of the rows of a task that is no group. Its digest is still that of the whole.</summary>
    internal EvaluationTask WithRows(IReadOnlyList<int> places) =>
        this with { Items = [.. places.Select(place => Items[place])] };

    /// <summary>The tasks without their groups, in order.</summary>
    public IEnumerable<EvaluationTask> Leaves() => Members.Count == 0 ? [this] : Members.SelectMany(member => member.Leaves());

    /// <summary>The task with every prompt written as a model's chat template says.</summary>
    internal EvaluationTask Rendered(ChatTemplate template)
    {
        IReadOnlyList<EvaluationTask> members = [.. Members.Select(member => member.Rendered(template))];
        return this with
        {
            Members = members,
            Items = members.Count > 0 ? [.. members.SelectMany(member => member.Items)] : [.. Items.Select(Render)],
        };

        EvaluationItem Render(EvaluationItem item)
        {
            var texts = item.Requests.Select(request => request.Messages)
                .OfType<IReadOnlyList<ChatMessage>>().Distinct().ToDictionary(messages => messages, template.Render);
            return item with
            {
                Requests = [.. item.Requests.Select(request => request.Messages is { } messages
                    ? request with { Context = texts[messages], Messages = null }
                    : request)],
            };
        }
    }

    private static string Hash(JsonObject identity, ChatSettings chat)
    {
        // A task that is put without any of it is the task that it always was.
        if (chat != ChatSettings.None)
        {
            var put = new JsonObject
            {
                ["template"] = chat.ApplyTemplate,
                ["multiturn"] = chat.FewshotAsMultiturn ?? true,
                ["system"] = chat.SystemInstruction,
            };
            if (chat.TemplateName is { } name)
                put["name"] = name;
            identity["chat"] = put;
        }
        return Hash(identity);
    }

    private static string Hash(JsonObject identity) => Hashing.Sha256(identity.ToJsonString());
}
