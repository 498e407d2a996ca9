using System.Text;

namespace Pedigree.Evaluation.Jinja;

/// <summary>How white space and missing names are treated.</summary>
/// <param name="TrimBlocks">Whether the line break after a block tag is dropped.</param>
/// <param name="LstripBlocks">Whether white space between the beginning of a line and a block tag is dropped.</param>
/// <param name="KeepTrailingNewline">Whether a line break at the end of the template is kept.</param>
/// <param name="Strict">Whether a name without a value is an error wherever it is used, and not an empty text.</param>
internal sealed record JinjaSettings(bool TrimBlocks, bool LstripBlocks, bool KeepTrailingNewline, bool Strict)
{
    /// <summary>The harness's, for the templates of tasks.</summary>
    public static JinjaSettings Task { get; } = new(false, false, true, true);

    /// <summary>The transformers library's, for chat templates.</summary>
    public static JinjaSettings Chat { get; } = new(true, true, false, false);
}

/// <summary>
/// A Jinja2 template. Values are null (none), bool, long, double, string, lists, ordered dictionaries and functions;
/// they behave as Python's. Statements: for, if, set, macro, with, raw, break, continue. What is not known is refused
/// when the template is read.
/// </summary>
internal sealed class JinjaTemplate
{
    private readonly IReadOnlyList<JinjaStatement> _body;
    private readonly JinjaSettings _settings;

    private JinjaTemplate(IReadOnlyList<JinjaStatement> body, JinjaSettings settings) => (_body, _settings) = (body, settings);

    /// <exception cref="JinjaException">It is not a template, or uses what is not supported.</exception>
    public static JinjaTemplate Parse(string source, JinjaSettings settings) =>
        new(JinjaParser.Parse(new JinjaTokens(JinjaLexer.Cut(source, settings))), settings);

    /// <summary>The value of a literal as Python writes it: number, text, list, dictionary, True, False or None.</summary>
    /// <exception cref="JinjaException">It is none.</exception>
    public static object? Literal(string source)
    {
        var tokens = new JinjaTokens(JinjaLexer.CutExpression(source));
        var expression = JinjaExpressionParser.Parse(tokens);
        tokens.Expect(JinjaTokenKind.End, "nothing more");
        return expression.Evaluate(new JinjaScope(new Dictionary<string, object?>(), strict: true)) is var value
            and not (JinjaUndefined or JinjaFunction)
            ? value : throw new JinjaException($"{source} is no literal");
    }

    /// <summary>The text for some values.</summary>
    /// <exception cref="JinjaException">A value is missing or does not fit.</exception>
    public string Render(IReadOnlyDictionary<string, object?> values)
    {
        var output = new StringBuilder();
        JinjaStatement.RenderAll(_body, new JinjaScope(values, _settings.Strict), output);
        return output.ToString();
    }

    /// <summary>The value itself, where the template is one expression; else the text.</summary>
    /// <exception cref="JinjaException">A value is missing or does not fit.</exception>
    public object? Evaluate(IReadOnlyDictionary<string, object?> values) =>
        _body is [JinjaOutput single] ? single.Value(new JinjaScope(values, _settings.Strict)) : Render(values);
}
