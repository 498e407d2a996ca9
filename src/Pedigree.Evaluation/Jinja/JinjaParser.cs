namespace Pedigree.Evaluation.Jinja;

/// <summary>Reads the statements of a template.</summary>
internal static class JinjaParser
{
    private static readonly string[] Known = ["if", "for", "set", "macro", "with", "break", "continue", "generation"];

    public static IReadOnlyList<JinjaStatement> Parse(JinjaTokens tokens)
    {
        var body = Body(tokens);
        return tokens.Current.Kind == JinjaTokenKind.End ? body
            : throw new JinjaException($"{{% {tokens.Following.Text} %}} has nothing to end", tokens.Current.Line);
    }

    /// <summary>Statements until the end of the template, or until a tag that ends or parts a block, which is left.</summary>
    private static List<JinjaStatement> Body(JinjaTokens tokens)
    {
        JinjaNesting.Check(tokens.Current.Line);
        var body = new List<JinjaStatement>();
        while (tokens.Current.Kind != JinjaTokenKind.End)
        {
            var (kind, text, line) = tokens.Current;
            switch (kind)
            {
                case JinjaTokenKind.Data:
                    body.Add(new JinjaStatement.Data(line, text));
                    tokens.Take();
                    break;
                case JinjaTokenKind.VariableBegin:
                    tokens.Take();
                    body.Add(new JinjaOutput(line, JinjaExpressionParser.Parse(tokens)));
                    tokens.Expect(JinjaTokenKind.VariableEnd, "}}");
                    break;
                default:
                    var name = tokens.Following.Text;
                    if (name.StartsWith("end", StringComparison.Ordinal) || name is "else" or "elif")
                        return body;
                    tokens.Take();
                    body.Add(Statement(tokens, line));
                    break;
            }
        }
        return body;
    }

    private static JinjaStatement Statement(JinjaTokens tokens, int line)
    {
        var name = tokens.Name();
        switch (name)
        {
            case "if":
                return If(tokens, line);
            case "for":
                return For(tokens, line);
            case "set":
                return Set(tokens, line);
            case "macro":
                return Macro(tokens, line);
            case "with":
                return With(tokens, line);
            case "break" or "continue":
                End(tokens);
                return new JinjaStatement.Jump(line, name == "break");
            case "generation": // transformers' mark of what an assistant wrote
                End(tokens);
                var marked = Body(tokens);
                Close(tokens, "endgeneration", line);
                return new JinjaStatement.Sequence(line, marked);
            default:
                throw new JinjaException($"{{% {name} %}} is not supported; use {string.Join(", ", Known)}", line);
        }
    }

    private static void End(JinjaTokens tokens) => tokens.Expect(JinjaTokenKind.BlockEnd, "%}");

    /// <summary>Takes {% name %}, which must come now.</summary>
    private static void Close(JinjaTokens tokens, string name, int opened)
    {
        if (tokens.Current.Kind != JinjaTokenKind.BlockBegin || !tokens.Following.Is(name))
            throw new JinjaException($"the block needs a {{% {name} %}}", opened);
        tokens.Take();
        tokens.Take();
        End(tokens);
    }

    private static JinjaStatement.Choice If(JinjaTokens tokens, int line)
    {
        var branches = new List<(JinjaExpression?, IReadOnlyList<JinjaStatement>)>();
        JinjaExpression? condition = JinjaExpressionParser.Parse(tokens);
        while (true)
        {
            End(tokens);
            branches.Add((condition, Body(tokens)));
            if (condition is not null
                && tokens.Current.Kind == JinjaTokenKind.BlockBegin
                && tokens.Following.Text is "elif" or "else")
            {
                tokens.Take();
                condition = tokens.Take().Text == "elif" ? JinjaExpressionParser.Parse(tokens) : null;
                continue;
            }
            Close(tokens, "endif", line);
            return new JinjaStatement.Choice(line, branches);
        }
    }

    private static JinjaStatement.Loop For(JinjaTokens tokens, int line)
    {
        var names = Names(tokens);
        tokens.Expect("in");
        var source = JinjaExpressionParser.ParseWithoutCondition(tokens);
        var condition = tokens.Takes("if") ? JinjaExpressionParser.Parse(tokens) : null;
        if (tokens.Current.Is("recursive"))
            throw new JinjaException("a recursive loop is not supported", line);
        End(tokens);
        var body = Body(tokens);
        IReadOnlyList<JinjaStatement> otherwise = [];
        if (tokens.Current.Kind == JinjaTokenKind.BlockBegin && tokens.Following.Is("else"))
        {
            tokens.Take();
            tokens.Take();
            End(tokens);
            otherwise = Body(tokens);
        }
        Close(tokens, "endfor", line);
        return new JinjaStatement.Loop(line, names, source, condition, body, otherwise);
    }

    private static JinjaStatement Set(JinjaTokens tokens, int line)
    {
        var names = Names(tokens);
        var member = tokens.Takes(".") ? tokens.Name() : null;
        if (tokens.Takes("="))
        {
            var value = JinjaExpressionParser.ParseTuple(tokens);
            End(tokens);
            return new JinjaStatement.Set(line, names, member, value);
        }
        var filters = JinjaExpressionParser.ParseFilters(tokens);
        if (names.Count > 1 || member is not null)
            throw tokens.Unexpected("`=`");
        End(tokens);
        var body = Body(tokens);
        Close(tokens, "endset", line);
        return new JinjaStatement.SetBlock(line, names[0], body, filters);
    }

    private static JinjaStatement.With With(JinjaTokens tokens, int line)
    {
        var sets = new List<JinjaStatement.Set>();
        while (tokens.Current.Kind == JinjaTokenKind.Name)
        {
            var name = tokens.Name();
            tokens.Expect("=");
            sets.Add(new JinjaStatement.Set(line, [name], null, JinjaExpressionParser.Parse(tokens)));
            tokens.Takes(",");
        }
        End(tokens);
        var body = Body(tokens);
        Close(tokens, "endwith", line);
        return new JinjaStatement.With(line, sets, body);
    }

    private static JinjaStatement.Macro Macro(JinjaTokens tokens, int line)
    {
        var name = tokens.Name();
        var parameters = new List<(string, JinjaExpression?)>();
        tokens.Expect("(");
        while (!tokens.Takes(")"))
        {
            if (parameters.Count > 0)
                tokens.Expect(",");
            parameters.Add((tokens.Name(), tokens.Takes("=") ? JinjaExpressionParser.Parse(tokens) : null));
        }
        End(tokens);
        var body = Body(tokens);
        Close(tokens, "endmacro", line);
        return new JinjaStatement.Macro(line, name, parameters, body);
    }

    private static List<string> Names(JinjaTokens tokens)
    {
        var bracket = tokens.Takes("(");
        var names = new List<string> { tokens.Name() };
        while (tokens.Takes(","))
            names.Add(tokens.Name());
        if (bracket)
            tokens.Expect(")");
        return names;
    }
}
