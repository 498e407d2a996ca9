using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>
/// Python functions that task files of the harness name with !function. None is run: those known here are given as what they
/// compute, all others are refused.
/// </summary>
internal static class TaskFunctions
{
    public const string Tag = "!function";

    private static readonly Dictionary<string, string> Templates = new(StringComparer.Ordinal)
    {
        ["preprocess_winogrande.doc_to_text"] = "{{answer|int - 1}}",
        ["preprocess_winogrande.doc_to_choice"] =
            "{{[sentence.split('_', 1)[0] ~ option1, sentence.split('_', 1)[0] ~ option2]}}",
        ["preprocess_winogrande.doc_to_target"] = "{{sentence.split('_', 1)[1].strip()}}",
        ["preprocess_wikitext.wikitext_detokenizer"] = """
            {{page|replace("s '", "s'")|regex_replace("/' [0-9]/", "/'[0-9]/")
            |replace(" @-@ ", "-")|replace(" @,@ ", ",")|replace(" @.@ ", ".")
            |replace(" : ", ": ")|replace(" ; ", "; ")|replace(" . ", ". ")|replace(" ! ", "! ")|replace(" ? ", "? ")|replace(" , ", ", ")
            |regex_replace("\\(\\s*([^\\)]*?)\\s*\\)", "(\\1)")|regex_replace("\\[\\s*([^\\]]*?)\\s*\\]", "[\\1]")
            |regex_replace("{\\s*([^}]*?)\\s*}", "{\\1}")|regex_replace("\"\\s*([^\"]*?)\\s*\"", "\"\\1\"")|regex_replace("'\\s*([^']*?)\\s*'", "'\\1'")
            |replace("= = = =", "====")|replace("= = =", "===")|replace("= =", "==")|replace(" \u00b0 ", "\u00b0")
            |replace(" \n", "\n")|replace("\n ", "\n")|replace(" N ", " 1 ")|replace(" 's", "'s")}}
            """,
    };

    // What many a data set's own process_docs is called tells nothing, so that the data set, or else the
    // task, belongs to the name.
    private static readonly Dictionary<(string DataSet, string Function), IReadOnlyDictionary<string, string>> Documents = new()
    {
        // Titles in brackets are left over from WikiHow: " [title]" becomes ". ", all others go.
        [("hellaswag", "utils.process_docs")] = new Dictionary<string, string>
        {
            ["query"] = """{{(activity_label ~ ': ' ~ ctx_a ~ ' ' ~ ctx_b.capitalize()).strip()|replace(' [title]', '. ')|regex_replace('\\[.*?\\]', '')|replace('  ', ' ')}}""",
            ["choices"] = """{{endings|map('trim')|map('replace', ' [title]', '. ')|map('regex_replace', '\\[.*?\\]', '')|map('replace', '  ', ' ')|list}}""",
            ["gold"] = "{{label|int}}",
        },
    };

    /// <summary>What process_docs adds to every row: field and template.</summary>
    /// <exception cref="Weights.BadInputException">The function is not known.</exception>
    public static IReadOnlyDictionary<string, TaskTemplate> Fields(ConfigurationMapping task)
    {
        if (task.Optional("process_docs") is not { } node)
            return new Dictionary<string, TaskTemplate>();
        var function = (node as ConfigurationScalar)?.Text ?? "";
        var dataSet = Path.GetFileName(task.OptionalString("dataset_path")?.TrimEnd('/') ?? task.RequiredString("task"));
        return Documents.TryGetValue((dataSet, function), out var fields)
            ? fields.ToDictionary(field => field.Key, field => TaskTemplate.Of(node, field.Value))
            : throw node.Error(
                $"{function} is a Python function, which is not run; change the data, or use doc_to_text and its like");
    }

    /// <summary>The template that computes what a function does.</summary>
    /// <exception cref="Weights.BadInputException">The function is not known.</exception>
    public static string Template(ConfigurationScalar function) =>
        Templates.TryGetValue(function.Text, out var template) ? template : throw Unknown(function, Templates.Keys);

    /// <summary>The way of scoring that process_results names.</summary>
    /// <exception cref="Weights.BadInputException">The function is not known.</exception>
    public static ScoringRule Rule(ConfigurationNode? node) => node switch
    {
        null => ScoringRule.Standard,
        ConfigurationScalar { Tag: not null, Text: "utils.process_results_mc2" } => ScoringRule.ShareOfTrue,
        ConfigurationScalar { Tag: not null, Text: "preprocess_wikitext.process_results" } => ScoringRule.CountsOfPage,
        ConfigurationScalar { Tag: not null } function =>
            throw Unknown(function, ["utils.process_results_mc2", "preprocess_wikitext.process_results"]),
        _ => throw node.Error($"must be a {Tag} that is known"),
    };

    private static Weights.BadInputException Unknown(ConfigurationScalar function, IEnumerable<string> known) => function.Error(
        $"names the Python function {function.Text}, which is not run; "
        + $"use a template, or one of the known {string.Join(", ", known)}");
}
