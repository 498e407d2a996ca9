using System.Globalization;

namespace Pedigree.Evaluation.Jinja;

/// <summary>Reads expressions, with Jinja2's precedence: a filter or test binds to the nearest operand.</summary>
internal static class JinjaExpressionParser
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    public static JinjaExpression Parse(JinjaTokens tokens)
    {
        JinjaNesting.Check(tokens.Current.Line);
        var value = ParseWithoutCondition(tokens);
        while (tokens.Takes("if"))
        {
            var condition = ParseWithoutCondition(tokens);
            value = new JinjaExpression.Conditional(condition, value, tokens.Takes("else") ? Parse(tokens) : null);
        }
        return value;
    }

    public static JinjaExpression ParseWithoutCondition(JinjaTokens tokens)
    {
        var left = And(tokens);
        while (tokens.Takes("or"))
            left = new JinjaExpression.Logic(left, And(tokens), false);
        return left;
    }

    /// <summary>An expression, or several with commas between: a list.</summary>
    public static JinjaExpression ParseTuple(JinjaTokens tokens)
    {
        var first = Parse(tokens);
        if (!tokens.Current.Is(","))
            return first;
        var items = new List<JinjaExpression> { first };
        while (tokens.Takes(",")
            && tokens.Current.Kind is not (JinjaTokenKind.BlockEnd or JinjaTokenKind.VariableEnd)
            && !tokens.Current.Is(")"))
            items.Add(Parse(tokens));
        return new JinjaExpression.Many(items);
    }

    /// <summary>|name(…)|name … , to be put on an expression.</summary>
    public static Func<JinjaExpression, JinjaExpression> ParseFilters(JinjaTokens tokens)
    {
        var filters = new List<Func<JinjaExpression, JinjaExpression>>();
        while (tokens.Takes("|"))
            filters.Add(Filter(tokens));
        return value => filters.Aggregate(value, (filtered, filter) => filter(filtered));
    }

    private static JinjaExpression And(JinjaTokens tokens)
    {
        var left = Not(tokens);
        while (tokens.Takes("and"))
            left = new JinjaExpression.Logic(left, Not(tokens), true);
        return left;
    }

    private static JinjaExpression Not(JinjaTokens tokens)
    {
        JinjaNesting.Check(tokens.Current.Line);
        return tokens.Takes("not") ? new JinjaExpression.Not(Not(tokens)) : Comparison(tokens);
    }

    private static JinjaExpression Comparison(JinjaTokens tokens)
    {
        var first = Sum(tokens);
        var chain = new List<(string, JinjaExpression)>();
        while (true)
        {
            if (tokens.Current.Kind == JinjaTokenKind.Operator && Comparisons.Contains(tokens.Current.Text))
                chain.Add((tokens.Take().Text, Sum(tokens)));
            else if (tokens.Takes("in"))
                chain.Add(("in", Sum(tokens)));
            else if (tokens.Current.Is("not") && tokens.Following.Is("in"))
                chain.Add(NotIn());
            else
                return chain.Count == 0 ? first : new JinjaExpression.Comparison(first, chain);
        }

        (string, JinjaExpression) NotIn()
        {
            tokens.Take();
            tokens.Take();
            return ("not in", Sum(tokens));
        }
    }

    private static JinjaExpression Sum(JinjaTokens tokens)
    {
        var left = Joined(tokens);
        while (tokens.Current.Is("+") || tokens.Current.Is("-"))
            left = new JinjaExpression.Arithmetic(tokens.Take().Text, left, Joined(tokens));
        return left;
    }

    private static JinjaExpression Joined(JinjaTokens tokens)
    {
        var left = Product(tokens);
        while (tokens.Takes("~"))
            left = new JinjaExpression.Arithmetic("~", left, Product(tokens));
        return left;
    }

    private static JinjaExpression Product(JinjaTokens tokens)
    {
        var left = Power(tokens);
        while (tokens.Current is { Kind: JinjaTokenKind.Operator, Text: "*" or "/" or "//" or "%" })
            left = new JinjaExpression.Arithmetic(tokens.Take().Text, left, Power(tokens));
        return left;
    }

    private static JinjaExpression Power(JinjaTokens tokens)
    {
        var left = Unary(tokens, filters: true);
        while (tokens.Takes("**"))
            left = new JinjaExpression.Arithmetic("**", left, Unary(tokens, filters: true));
        return left;
    }

    private static JinjaExpression Unary(JinjaTokens tokens, bool filters)
    {
        JinjaNesting.Check(tokens.Current.Line);
        var value = tokens.Takes("-")
            ? new JinjaExpression.Arithmetic("-", new JinjaExpression.Literal(0L), Unary(tokens, filters: false))
            : tokens.Takes("+") ? Unary(tokens, filters: false) : Primary(tokens);
        value = Postfix(tokens, value);
        while (filters)
        {
            if (tokens.Takes("|"))
                value = Filter(tokens)(value);
            else if (tokens.Takes("is"))
                value = Test(tokens, value);
            else if (tokens.Current.Is("("))
                value = Call(tokens, value);
            else
                break;
        }
        return value;
    }

    private static JinjaExpression Postfix(JinjaTokens tokens, JinjaExpression value)
    {
        while (true)
        {
            if (tokens.Takes("."))
                value = new JinjaExpression.Member(value, tokens.Current.Kind == JinjaTokenKind.Whole
                    ? new JinjaExpression.Literal(Whole(tokens.Take()))
                    : new JinjaExpression.Literal(tokens.Name()), Dotted: true);
            else if (tokens.Takes("["))
                value = Subscript(tokens, value);
            else if (tokens.Current.Is("("))
                value = Call(tokens, value);
            else
                return value;
        }
    }

    private static JinjaExpression Subscript(JinjaTokens tokens, JinjaExpression value)
    {
        var parts = new List<JinjaExpression?>();
        var colons = 0;
        JinjaExpression? part = null;
        while (!tokens.Takes("]"))
        {
            if (tokens.Takes(":"))
            {
                parts.Add(part);
                (part, colons) = (null, colons + 1);
            }
            else
            {
                part = Parse(tokens);
                if (!tokens.Current.Is(":") && !tokens.Current.Is("]"))
                    throw tokens.Unexpected("`]`");
            }
        }
        parts.Add(part);
        return colons switch
        {
            0 => new JinjaExpression.Member(value, part ?? throw tokens.Unexpected("a place before `]`"), Dotted: false),
            1 or 2 => new JinjaExpression.Slice(value, parts[0], parts[1], colons == 2 ? parts[2] : null),
            _ => throw tokens.Unexpected("at most two `:`"),
        };
    }

    private static JinjaExpression.Call Call(JinjaTokens tokens, JinjaExpression target)
    {
        var (positional, named) = Arguments(tokens);
        return new JinjaExpression.Call(target, positional, named);
    }

    private static (IReadOnlyList<JinjaExpression>, IReadOnlyList<(string, JinjaExpression)>) Arguments(JinjaTokens tokens)
    {
        var positional = new List<JinjaExpression>();
        var named = new List<(string, JinjaExpression)>();
        tokens.Expect("(");
        while (!tokens.Takes(")"))
        {
            if (positional.Count + named.Count > 0)
                tokens.Expect(",");
            if (tokens.Takes(")"))
                break;
            if (tokens.Current.Kind == JinjaTokenKind.Name && tokens.Following.Is("="))
            {
                var name = tokens.Name();
                tokens.Expect("=");
                named.Add((name, Parse(tokens)));
            }
            else
            {
                positional.Add(Parse(tokens));
            }
        }
        return (positional, named);
    }

    private static Func<JinjaExpression, JinjaExpression> Filter(JinjaTokens tokens)
    {
        var line = tokens.Current.Line;
        var name = tokens.Name();
        if (!JinjaFilters.Exists(name))
            throw new JinjaException($"the filter `{name}` is not supported; use {string.Join(", ", JinjaFilters.Names)}", line);
        var (positional, named) = tokens.Current.Is("(") ? Arguments(tokens) : ([], []);
        return value => new JinjaExpression.Filter(name, value, positional, named);
    }

    private static JinjaExpression Test(JinjaTokens tokens, JinjaExpression value)
    {
        var negated = tokens.Takes("not");
        var line = tokens.Current.Line;
        var name = tokens.Name();
        if (!JinjaFunctions.IsTest(name))
            throw new JinjaException($"the test `{name}` is not supported; use {string.Join(", ", JinjaFunctions.Tests)}", line);
        IReadOnlyList<JinjaExpression> arguments = [];
        if (tokens.Current.Is("("))
            (arguments, _) = Arguments(tokens);
        else if (tokens.Current.Kind is JinjaTokenKind.Text or JinjaTokenKind.Whole or JinjaTokenKind.Number
            || tokens.Current.Is("[")
            || tokens.Current.Is("{")
            || tokens.Current.Kind == JinjaTokenKind.Name
                && tokens.Current.Text is not ("else" or "or" or "and" or "is" or "if" or "in" or "not"))
            arguments = [Postfix(tokens, Primary(tokens))];
        JinjaExpression test = new JinjaExpression.Test(name, value, arguments);
        return negated ? new JinjaExpression.Not(test) : test;
    }

    private static JinjaExpression Primary(JinjaTokens tokens)
    {
        var token = tokens.Current;
        switch (token.Kind)
        {
            case JinjaTokenKind.Name:
                tokens.Take();
                return token.Text switch
                {
                    "true" or "True" => new JinjaExpression.Literal(true),
                    "false" or "False" => new JinjaExpression.Literal(false),
                    "none" or "None" => new JinjaExpression.Literal(null),
                    _ => new JinjaExpression.Variable(token.Text),
                };
            case JinjaTokenKind.Text:
                var text = "";
                while (tokens.Current.Kind == JinjaTokenKind.Text)
                    text += tokens.Take().Text;
                return new JinjaExpression.Literal(text);
            case JinjaTokenKind.Whole:
                return new JinjaExpression.Literal(Whole(tokens.Take()));
            case JinjaTokenKind.Number:
                return new JinjaExpression.Literal(double.Parse(tokens.Take().Text, CultureInfo.InvariantCulture));
        }
        if (tokens.Takes("("))
        {
            var inner = tokens.Current.Is(")") ? new JinjaExpression.Many([]) : ParseTuple(tokens);
            tokens.Expect(")");
            return inner;
        }
        if (tokens.Takes("["))
        {
            var items = new List<JinjaExpression>();
            while (!tokens.Takes("]"))
            {
                items.Add(Parse(tokens));
                if (!tokens.Takes(",") && !tokens.Current.Is("]"))
                    throw tokens.Unexpected("`,` or `]`");
            }
            return new JinjaExpression.Many(items);
        }
        tokens.Expect("{");
        var members = new List<(JinjaExpression, JinjaExpression)>();
        while (!tokens.Takes("}"))
        {
            var key = Parse(tokens);
            tokens.Expect(":");
            members.Add((key, Parse(tokens)));
            if (!tokens.Takes(",") && !tokens.Current.Is("}"))
                throw tokens.Unexpected("`,` or `}`");
        }
        return new JinjaExpression.Pairs(members);
    }

    private static long Whole(JinjaToken token) =>
        long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value : throw new JinjaException($"{token.Text} is too large", token.Line);
}
