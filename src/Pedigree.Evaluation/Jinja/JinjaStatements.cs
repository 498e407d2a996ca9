using System.Text;

namespace Pedigree.Evaluation.Jinja;

/// <summary>A part of a template.</summary>
internal abstract record JinjaStatement(int Line)
{
    protected enum Flow
    {
        On, Break, Continue,
    }

    /// <summary>Renders parts in order; an error without a line gets that of its part.</summary>
    public static void RenderAll(IReadOnlyList<JinjaStatement> body, JinjaScope scope, StringBuilder output) =>
        Run(body, scope, output);

    protected static Flow Run(IReadOnlyList<JinjaStatement> body, JinjaScope scope, StringBuilder output)
    {
        JinjaNesting.Check();
        scope.CountBlock();
        foreach (var statement in body)
        {
            try
            {
                var flow = statement.Render(scope, output);
                if (flow != Flow.On)
                    return flow;
            }
            catch (JinjaException error) when (error.Line == 0)
            {
                throw new JinjaException(error.Message, statement.Line);
            }
        }
        return Flow.On;
    }

    protected abstract Flow Render(JinjaScope scope, StringBuilder output);

    protected static void Assign(IReadOnlyList<string> names, object? value, JinjaScope scope)
    {
        if (names is [var single])
        {
            scope.Set(single, value);
            return;
        }
        var items = PythonValue.Items(value);
        if (items.Count != names.Count)
            throw new JinjaException($"{items.Count} values cannot be given to {names.Count} names");
        for (var i = 0; i < names.Count; i++)
            scope.Set(names[i], items[i]);
    }

    public sealed record Data(int Line, string Text) : JinjaStatement(Line)
    {
        protected override Flow Render(JinjaScope scope, StringBuilder output)
        {
            output.Append(Text);
            return Flow.On;
        }
    }

    public sealed record Choice(
        int Line, IReadOnlyList<(JinjaExpression? Condition, IReadOnlyList<JinjaStatement> Body)> Branches) : JinjaStatement(Line)
    {
        protected override Flow Render(JinjaScope scope, StringBuilder output)
        {
            foreach (var (condition, body) in Branches)
            {
                if (condition is null || PythonValue.Truth(condition.Evaluate(scope)))
                    return Run(body, scope, output);
            }
            return Flow.On;
        }
    }

    public sealed record Loop(
        int Line, IReadOnlyList<string> Names, JinjaExpression Source, JinjaExpression? Condition,
        IReadOnlyList<JinjaStatement> Body, IReadOnlyList<JinjaStatement> Otherwise) : JinjaStatement(Line)
    {
        protected override Flow Render(JinjaScope scope, StringBuilder output)
        {
            var items = PythonValue.Items(Source.Evaluate(scope)).Where(item =>
            {
                if (Condition is null)
                    return true;
                var inner = scope.Inner();
                Assign(Names, item, inner);
                return PythonValue.Truth(Condition.Evaluate(inner));
            }).ToList();
            if (items.Count == 0)
                return Run(Otherwise, scope, output);
            var depth = scope.Get("loop") is JinjaLoop around ? (int)(long)around.Get("depth", false)! + 1 : 1;
            var loop = new JinjaLoop(items, depth);
            for (; loop.At < items.Count; loop.At++)
            {
                var inner = scope.Inner();
                inner.Set("loop", loop);
                Assign(Names, items[loop.At], inner);
                if (Run(Body, inner, output) == Flow.Break)
                    break;
            }
            return Flow.On;
        }
    }

    /// <summary>
    /// set name = value, set a, b = value, set space.name = value; and with, whose names live in its body alone.
    /// </summary>
    public sealed record Set(int Line, IReadOnlyList<string> Names, string? Member, JinjaExpression Value) : JinjaStatement(Line)
    {
        protected override Flow Render(JinjaScope scope, StringBuilder output)
        {
            var value = Value.Evaluate(scope);
            if (Member is null)
                Assign(Names, value, scope);
            else if (scope.Get(Names[0]) is JinjaNamespace space)
                space.Values[Member] = value;
            else
                throw new JinjaException($"`{Names[0]}` is no namespace, so `{Names[0]}.{Member}` cannot be set");
            return Flow.On;
        }
    }

    /// <summary>set name … endset: the text of the body, after the filters.</summary>
    public sealed record SetBlock(
        int Line, string Name, IReadOnlyList<JinjaStatement> Body, Func<JinjaExpression, JinjaExpression> Filters)
        : JinjaStatement(Line)
    {
        protected override Flow Render(JinjaScope scope, StringBuilder output)
        {
            var text = new StringBuilder();
            RenderAll(Body, scope.Inner(), text);
            scope.Set(Name, Filters(new JinjaExpression.Literal(text.ToString())).Evaluate(scope));
            return Flow.On;
        }
    }

    public sealed record With(int Line, IReadOnlyList<Set> Names, IReadOnlyList<JinjaStatement> Body) : JinjaStatement(Line)
    {
        protected override Flow Render(JinjaScope scope, StringBuilder output)
        {
            var inner = scope.Inner();
            Run(Names, inner, output);
            return Run(Body, inner, output);
        }
    }

    public sealed record Macro(
        int Line,
        string Name,
        IReadOnlyList<(string Name, JinjaExpression? Default)> Parameters,
        IReadOnlyList<JinjaStatement> Body)
        : JinjaStatement(Line)
    {
        protected override Flow Render(JinjaScope scope, StringBuilder output)
        {
            scope.Set(Name, (JinjaFunction)((arguments, named) => Call(scope, arguments, named)));
            return Flow.On;
        }

        private string Call(JinjaScope scope, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
        {
            if (arguments.Count > Parameters.Count
                || named.Keys.FirstOrDefault(name => Parameters.All(known => known.Name != name)) is not null)
                throw new JinjaException(
                    $"the macro `{Name}` takes {string.Join(", ", Parameters.Select(parameter => parameter.Name))} and no more");
            var inner = scope.Inner();
            for (var i = 0; i < Parameters.Count; i++)
            {
                var (name, fallback) = Parameters[i];
                inner.Set(name, i < arguments.Count ? arguments[i] : named.TryGetValue(name, out var value) ? value
                    : fallback?.Evaluate(inner)
                        ?? new JinjaUndefined($"`{name}` was not given to the macro `{Name}`", scope.Strict));
            }
            var text = new StringBuilder();
            RenderAll(Body, inner, text);
            return text.ToString();
        }
    }

    /// <summary>Parts in a row, in the scope around them.</summary>
    public sealed record Sequence(int Line, IReadOnlyList<JinjaStatement> Body) : JinjaStatement(Line)
    {
        protected override Flow Render(JinjaScope scope, StringBuilder output) => Run(Body, scope, output);
    }

    public sealed record Jump(int Line, bool Breaks) : JinjaStatement(Line)
    {
        protected override Flow Render(JinjaScope scope, StringBuilder output) => Breaks ? Flow.Break : Flow.Continue;
    }
}

/// <summary>{{ expression }}.</summary>
internal sealed record JinjaOutput(int Line, JinjaExpression Expression) : JinjaStatement(Line)
{
    /// <summary>Its value; an error has its line.</summary>
    public object? Value(JinjaScope scope)
    {
        try
        {
            var value = Expression.Evaluate(scope);
            return value is JinjaUndefined { Strict: true } missing ? throw missing.Error() : value;
        }
        catch (JinjaException error) when (error.Line == 0)
        {
            throw new JinjaException(error.Message, Line);
        }
    }

    protected override Flow Render(JinjaScope scope, StringBuilder output)
    {
        output.Append(PythonValue.Text(Expression.Evaluate(scope)));
        return Flow.On;
    }
}
