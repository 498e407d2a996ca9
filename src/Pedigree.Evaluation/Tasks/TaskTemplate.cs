using Pedigree.Evaluation.Jinja;
using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>
/// How a task turns a row into a value, as the harness does: a number or a list stands for itself, a text is the name of a field
/// or else a Jinja2 template. A template of one expression and nothing else keeps its value's type, others are text.
/// </summary>
internal sealed class TaskTemplate
{
    private readonly ConfigurationNode _source;
    private readonly JinjaTemplate? _template;
    private readonly string? _text;

    private TaskTemplate(ConfigurationNode source, string? text, JinjaTemplate? template) =>
        (_source, _text, _template) = (source, text, template);

    /// <summary>Whether it is plain text, which means the field of that name where a row has one.</summary>
    public bool IsField =>
        _text is not null && !_text.Contains("{{", StringComparison.Ordinal) && !_text.Contains("{%", StringComparison.Ordinal);

    /// <summary>Whether it is written with white space at its end.</summary>
    public bool EndsInWhiteSpace => _text is { Length: > 0 } && char.IsWhiteSpace(_text[^1]);

    /// <summary>Reads a scalar, or a list (or mapping, of which the values count) of literal texts.</summary>
    /// <exception cref="Weights.BadInputException">It is not a template, or uses what is not supported.</exception>
    public static TaskTemplate Read(ConfigurationNode node)
    {
        if (node is not ConfigurationScalar scalar || scalar.Value is not string && scalar.Tag is null)
            return new TaskTemplate(node, null, null);
        return Of(node, scalar.Tag is null ? (string)scalar.Value! : TaskFunctions.Template(scalar));
    }

    /// <summary>A template that stands for what a file says.</summary>
    /// <exception cref="Weights.BadInputException">It is not a template, or uses what is not supported.</exception>
    public static TaskTemplate Of(ConfigurationNode node, string text)
    {
        try
        {
            return new TaskTemplate(node, text, JinjaTemplate.Parse(text, JinjaSettings.Task));
        }
        catch (JinjaException error)
        {
            throw node.Error($"line {error.Line} of the template: {error.Message}");
        }
    }

    /// <summary>The value for a row.</summary>
    /// <exception cref="Weights.BadInputException">A field is missing, or an operation does not fit its value.</exception>
    public object Evaluate(DataRow row)
    {
        if (_template is null)
            return JinjaValue.FromJson(_source is ConfigurationMapping mapping ? ValuesOf(mapping) : _source.ToJson())!;
        if (_text is not null && row.Values.TryGetValue(_text, out var value))
            return value ?? throw row.Bad(_text, "is null.");
        try
        {
            return _template.Evaluate(row.Values) ?? throw row.Bad(_source.At.Path, "is null.");
        }
        catch (JinjaException error)
        {
            throw row.Bad(_source.At.Path, $"line {error.Line} of the template: {error.Message}.");
        }
    }

    /// <summary>The value as text, numbers and booleans as Python writes them.</summary>
    public string Render(DataRow row) => Evaluate(row) switch
    {
        string rendered => rendered,
        IReadOnlyList<object?> => throw row.Bad(_source.At.Path, "must be text, a number or a boolean, not a list."),
        OrderedDictionary<object, object?> =>
            throw row.Bad(_source.At.Path, "must be text, a number or a boolean, not an object."),
        var value => PythonValue.Text(value),
    };

    /// <summary>The value as a list of texts: a list, or text that is one as Python writes it.</summary>
    public IReadOnlyList<string> Texts(DataRow row)
    {
        var value = Evaluate(row);
        try
        {
            if (value is string written)
                value = JinjaTemplate.Literal(written);
        }
        catch (JinjaException)
        {
            throw row.Bad(_source.At.Path, $"must be a list of texts, not \"{value}\".");
        }
        return value is IReadOnlyList<object?> list && list.All(item => item is string) ? [.. list.Cast<string>()]
            : throw row.Bad(_source.At.Path, "must be a list of texts.");
    }

    private static System.Text.Json.Nodes.JsonArray ValuesOf(ConfigurationMapping mapping) =>
        [.. mapping.Members.Select(member => member.Value.ToJson())];
}
