using System.Globalization;
using System.Text.RegularExpressions;
using Pedigree.Weights;
using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>
/// Reads sums of fields, literals, .name, ['name'], [number], .strip(), .lstrip(), .rstrip(), .split('x'), .split('x', n),
/// .index(…), |int and |trim. All of it is Jinja2 and means there what it means here.
/// </summary>
internal sealed partial class ExpressionReader
{
    private readonly ConfigurationNode node;
    private readonly string source;
    private readonly Queue<string> tokens;

    private ExpressionReader(string source, ConfigurationNode node)
    {
        (this.source, this.node) = (source, node);
        var matches = Token().Matches(source);
        if (matches.Sum(match => match.Length) != source.Length)
            throw Unsupported();
        tokens = new Queue<string>(matches.Select(match => match.Value.Trim()).Where(token => token.Length > 0));
    }

    public static Expression Read(string source, ConfigurationNode node)
    {
        var reader = new ExpressionReader(source, node);
        var expression = reader.Sum();
        return reader.tokens.Count == 0 ? expression : throw reader.Unsupported();
    }

    private Expression Sum()
    {
        var left = Postfixed();
        while (tokens.TryPeek(out var sign) && sign is "+" or "-")
        {
            tokens.Dequeue();
            left = new Expression.Sum(left, Postfixed(), sign == "+" ? 1 : -1);
        }
        return left;
    }

    private Expression Postfixed()
    {
        var token = Next();
        var expression = Constant(token) is { } constant ? new Expression.Literal(constant)
            : Name().IsMatch(token) ? (Expression)new Expression.Field(token) : throw Unsupported();
        while (tokens.TryPeek(out var next) && next is "." or "[" or "|")
        {
            tokens.Dequeue();
            if (next == "[")
            {
                var minus = tokens.TryPeek(out var sign) && sign == "-" ? Next() : "";
                expression = new Expression.Item(expression, Constant(minus + Next()) ?? throw Unsupported());
                Expect("]");
                continue;
            }
            var name = Next();
            if (!Name().IsMatch(name))
                throw Unsupported();
            if (next == "|")
                expression = name is "int" or "trim" ? new Expression.Call(expression, name, []) : throw Unsupported();
            else
                expression = tokens.TryPeek(out var open) && open == "(" ? Method(expression, name) : new Expression.Item(expression, name);
        }
        return expression;
    }

    private Expression Method(Expression target, string name)
    {
        Expect("(");
        if (name == "index")
        {
            var value = Sum();
            Expect(")");
            return new Expression.Index(target, value);
        }
        var arguments = new List<object>();
        while (tokens.TryPeek(out var next) && next != ")")
        {
            if (arguments.Count > 0)
                Expect(",");
            arguments.Add(Constant(Next()) ?? throw Unsupported());
        }
        Expect(")");
        var known = (name, arguments) is ("strip" or "lstrip" or "rstrip", []) or ("split", [string { Length: > 0 }])
            or ("split", [string { Length: > 0 }, long and >= 0 and < int.MaxValue]);
        return known ? new Expression.Call(target, name, arguments) : throw Unsupported();
    }

    private static object? Constant(string token) =>
        token is ['\'' or '"', ..] ? Regex.Unescape(token[1..^1])
        : long.TryParse(token, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) ? whole : null;

    private string Next() => tokens.TryDequeue(out var token) ? token : throw Unsupported();

    private void Expect(string token)
    {
        if (Next() != token)
            throw Unsupported();
    }

    private BadInputException Unsupported() => node.Error(
        $"{{{{{source}}}}} is not supported; use a field, field.name, field[0], .split('x'), .strip(), .index(field), |int, and + or - between them");

    [GeneratedRegex("""\G(?:\s+|[A-Za-z_][A-Za-z_0-9]*|[0-9]+|'(?:[^'\\]|\\[nrt'"\\])*'|"(?:[^"\\]|\\[nrt'"\\])*"|[.,|()\[\]+-])""")]
    private static partial Regex Token();

    [GeneratedRegex(@"\A[A-Za-z_][A-Za-z_0-9]*\z")]
    private static partial Regex Name();
}
