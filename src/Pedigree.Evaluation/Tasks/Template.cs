using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>
/// How a task turns a row into a text, a number or a list: the name of a field, a literal, or text with {{expressions}}. A
/// template that is one expression and nothing else keeps its value's type, others are text.
/// </summary>
internal sealed class Template
{
    private readonly ConfigurationNode source;
    private readonly IReadOnlyList<(string? Text, Expression? Expression)> parts;
    private readonly string? name;

    private Template(ConfigurationNode source, IReadOnlyList<(string?, Expression?)> parts, string? name) =>
        (this.source, this.parts, this.name) = (source, parts, name);

    /// <summary>Whether it is plain text, which means the field of that name where a row has one.</summary>
    public bool IsField => name is not null;

    /// <summary>Reads a scalar.</summary>
    /// <exception cref="Weights.BadInputException">An expression that is not supported.</exception>
    public static Template Read(ConfigurationNode node)
    {
        if (node is not ConfigurationScalar scalar)
            throw node.Error("must be text or a number");
        if (scalar.Value is not string text)
            return new Template(node, [(null, new Expression.Literal(scalar.Value))], null);
        if (text.Contains("{%", StringComparison.Ordinal) || text.Contains("{#", StringComparison.Ordinal))
            throw node.Error("has a {% statement %} or {# comment #}; only {{expressions}} are supported");
        var parts = new List<(string?, Expression?)>();
        var at = 0;
        while (text.IndexOf("{{", at, StringComparison.Ordinal) is var open and >= 0)
        {
            var close = text.IndexOf("}}", open, StringComparison.Ordinal);
            if (close < 0)
                throw node.Error("has {{ without }}");
            if (open > at)
                parts.Add((text[at..open], null));
            parts.Add((null, ExpressionReader.Read(text[(open + 2)..close], node)));
            at = close + 2;
        }
        if (at < text.Length)
            parts.Add((text[at..], null));
        // As in the harness, a text that is the name of a field means the field.
        return new Template(node, parts, parts is [(not null, null)] ? text : null);
    }

    /// <summary>The value for a row: string, long, double, bool, JsonArray or JsonObject.</summary>
    /// <exception cref="Weights.BadInputException">A field is missing, or an operation does not fit its value.</exception>
    public object Evaluate(DataRow row)
    {
        if (name is not null && row.Fields.TryGetPropertyValue(name, out var value))
            return Expression.Native(value) ?? throw row.Bad(name, "is null.");
        if (parts is [(null, { } single)])
            return single.Evaluate(row) ?? throw row.Bad(source.At.Path, "is null.");
        var text = new StringBuilder();
        foreach (var (literal, expression) in parts)
            text.Append(literal ?? Text(expression!.Evaluate(row), row));
        return text.ToString();
    }

    /// <summary>The value as text, numbers and booleans as Python writes them.</summary>
    public string Render(DataRow row) => Text(Evaluate(row), row);

    private string Text(object? value, DataRow row) => value switch
    {
        string text => text,
        long whole => whole.ToString(CultureInfo.InvariantCulture),
        double number => number == Math.Floor(number) && Math.Abs(number) < 1e16
            ? number.ToString("0.0", CultureInfo.InvariantCulture) : number.ToString("R", CultureInfo.InvariantCulture),
        bool flag => flag ? "True" : "False",
        _ => throw row.Bad(source.At.Path,
            $"must be text, a number or a boolean, not {(value is JsonArray ? "a list" : value is null ? "null" : "an object")}."),
    };
}
