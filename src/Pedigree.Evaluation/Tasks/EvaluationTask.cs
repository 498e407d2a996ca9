using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>A task with its data, read and checked before any model is loaded.</summary>
public sealed class EvaluationTask
{
    /// <summary>The harness's seed for few-shot draws.</summary>
    private const uint FewshotSeed = 1234;

    internal EvaluationTask(TaskDefinition definition, string dataFile, string? fewshotFile, int fewshot, int? limit, string? metric)
    {
        Definition = definition;
        Fewshot = fewshot;
        Limit = limit;
        PrimaryMetric = metric is null || definition.Metrics.Any(known => known.Name == metric) ? metric ?? definition.Metrics[0].Name
            : throw new BadInputException(definition.File, "metric",
                $"\"{metric}\" is not measured by {definition.Name}; use {string.Join(" or ", definition.Metrics.Select(known => known.Name))}.");
        var (rows, dataDigest) = DataRow.ReadAll(dataFile);
        var (pool, poolDigest) = fewshot == 0 || fewshotFile is null ? (rows, dataDigest) : DataRow.ReadAll(fewshotFile);
        var apart = !ReferenceEquals(pool, rows);
        Items = MakeItems(limit is { } most ? [.. rows.Take(most)] : rows, pool, apart);
        var identity = new JsonObject
        {
            ["definition"] = definition.Canonical.DeepClone(),
            ["data"] = dataDigest,
            ["fewshot"] = fewshot,
            ["fewshotData"] = fewshot > 0 && apart ? poolDigest : null,
            ["limit"] = limit,
        };
        Digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity.ToJsonString())));
    }

    /// <summary>The task's name.</summary>
    public string Name => Definition.Name;

    /// <summary>What is asked of the model.</summary>
    public OutputType Type => Definition.Type;

    /// <summary>SHA-256, in hexadecimal, of definition, data, few-shot setting and limit: together with a checkpoint it names a score.</summary>
    public string Digest { get; }

    /// <summary>Number of examples in a prompt.</summary>
    public int Fewshot { get; }

    /// <summary>Only the first so many rows; null for all.</summary>
    public int? Limit { get; }

    /// <summary>The metric that counts.</summary>
    public string PrimaryMetric { get; }

    /// <summary>The rows, in order.</summary>
    public IReadOnlyList<EvaluationItem> Items { get; }

    internal TaskDefinition Definition { get; }

    private List<EvaluationItem> MakeItems(IReadOnlyList<DataRow> rows, IReadOnlyList<DataRow> pool, bool apart)
    {
        var needed = Fewshot + (apart || Fewshot == 0 ? 0 : 1);
        if (pool.Count < needed)
            throw new BadInputException(pool[0].File, "fewshot",
                $"{Fewshot} examples a prompt need at least {needed} rows to draw from, but there are {pool.Count}.");
        var random = new PythonRandom(FewshotSeed);
        var contents = Fewshot > 0 && !apart ? pool.Select(row => row.Fields.ToJsonString()).ToArray() : null;
        var items = new List<EvaluationItem>(rows.Count);
        for (var i = 0; i < rows.Count; i++)
        {
            var drawn = Fewshot == 0 ? [] : random.Sample(pool.Count, needed).AsEnumerable();
            if (contents is not null)
                drawn = drawn.Where(place => contents[place] != contents[i]).Take(Fewshot).ToList();
            if (drawn.Count() < Fewshot)
                throw rows[i].Bad("fewshot", "is the same as other rows, so too few examples are left; every row must be different.");
            var prefix = Definition.Description + string.Concat(drawn.Select(place => Example(pool[place])));
            items.Add(MakeItem(rows[i], prefix));
        }
        return items;
    }

    private string Example(DataRow row)
    {
        var (text, choices, _, target) = Read(row);
        var prompt = text is long place ? choices[(int)place] : (string)text;
        return prompt + (target.Length > 0 ? Definition.TargetDelimiter + target : "") + Definition.FewshotDelimiter;
    }

    private EvaluationItem MakeItem(DataRow row, string prefix)
    {
        var (text, choices, gold, target) = Read(row);
        var delimiter = Definition.TargetDelimiter;
        IReadOnlyList<TextRequest> requests = Definition.Type switch
        {
            OutputType.GenerateUntil => [new(prefix + text, "")],
            // The harness puts no delimiter here: the target of such a task begins with its own space.
            OutputType.LogLikelihood => [new(prefix + text, target)],
            _ when text is long => [.. choices.Select(choice => new TextRequest(prefix + choice, delimiter + target))],
            _ => [.. choices.Select(choice => new TextRequest(prefix + text, delimiter + choice))],
        };
        if (Definition.Type != OutputType.GenerateUntil && requests.Any(request => request.Continuation.Length == 0))
            throw row.Bad("doc_to_target", "is empty; there must be something to score.");
        return new EvaluationItem(row.Line, requests, choices, gold, target);
    }

    /// <summary>Prompt (text, or in partial evaluation the number of the choice), choices, number of the right one, answer.</summary>
    private (object Text, IReadOnlyList<string> Choices, int Gold, string Target) Read(DataRow row)
    {
        if (Definition.Type != OutputType.MultipleChoice)
            return (Definition.Text.Render(row), [], -1, Target(row));
        var choices = Choices(row);
        var text = Definition.Text.Evaluate(row);
        if (text is long)
        {
            var place = InRange(row, "doc_to_text", text, choices);
            return ((long)place, choices, place, Definition.Target.Render(row));
        }
        var target = Definition.Target.Evaluate(row);
        var gold = InRange(row, "doc_to_target", target, choices);
        return (Definition.Text.Render(row), choices, gold, choices[gold]);
    }

    /// <summary>An answer may be a number in a list of choices outside multiple choice as well.</summary>
    private string Target(DataRow row)
    {
        if (Definition.Choices.Count == 0)
            return Definition.Target.Render(row);
        var choices = Choices(row);
        return choices[InRange(row, "doc_to_target", Definition.Target.Evaluate(row), choices)];
    }

    private IReadOnlyList<string> Choices(DataRow row)
    {
        List<string> choices = Definition.Choices is [var single] && single.Evaluate(row) is JsonArray list
            ? [.. list.Select(item => Expression.Native(item) as string ?? throw row.Bad("doc_to_choice", "must be a list of texts."))]
            : [.. Definition.Choices.Select(choice => choice.Render(row))];
        if (choices.Count < 2)
            throw row.Bad("doc_to_choice", $"has {choices.Count} choices; there must be at least two.");
        if (choices.GroupBy(choice => choice).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw row.Bad("doc_to_choice", $"has \"{twice.Key}\" twice; all choices must be different.");
        return choices.Contains("") ? throw row.Bad("doc_to_choice", "has an empty choice; every choice must have text.") : choices;
    }

    /// <summary>
    /// The place that an answer names: a number from 0, digits, or the text of a choice. Where choices are digits themselves, a
    /// field means the choice and a {{template}} the place, as in the harness.
    /// </summary>
    private int InRange(DataRow row, string field, object answer, IReadOnlyList<string> choices)
    {
        var place = answer switch
        {
            long number => number,
            string text when !Definition.Target.IsField && long.TryParse(text, out var number) => number,
            string text when choices.ToList().IndexOf(text) is var found and >= 0 => found,
            string text when long.TryParse(text, out var number) => number,
            string text => throw row.Bad(field, $"\"{text}\" is none of the choices."),
            _ => throw row.Bad(field, "must be the number or the text of a choice."),
        };
        return place >= 0 && place < choices.Count ? (int)place
            : throw row.Bad(field, $"is {place}, which is out of range: the choices are numbered 0 to {choices.Count - 1}.");
    }
}
