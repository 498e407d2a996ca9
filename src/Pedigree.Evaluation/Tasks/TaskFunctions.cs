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
        ["preprocess_winogrande.doc_to_choice"] = "{{[sentence.split('_', 1)[0] ~ option1, sentence.split('_', 1)[0] ~ option2]}}",
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
        ConfigurationScalar { Tag: not null } function => throw Unknown(function, ["utils.process_results_mc2", "preprocess_wikitext.process_results"]),
        _ => throw node.Error($"must be a {Tag} that is known"),
    };

    private static Weights.BadInputException Unknown(ConfigurationScalar function, IEnumerable<string> known) => function.Error(
        $"names the Python function {function.Text}, which is not run; use a template, or one of the known {string.Join(", ", known)}");
}
