using System.Text.RegularExpressions;

namespace Pedigree.Evaluation.Jinja;

/// <summary>An expression; its value is that which Jinja2 on Python would give.</summary>
internal abstract record JinjaExpression
{
    /// <summary>Characters of a text, or items of a list, at most.</summary>
    public const int Longest = 10_000_000;

    /// <exception cref="JinjaException">A value is missing, does not fit, or is too large.</exception>
    public object? Evaluate(JinjaScope scope)
    {
        JinjaNesting.Check();
        try
        {
            return Compute(scope) switch
            {
                string { Length: > Longest } => throw new JinjaException($"a text is longer than {Longest} characters"),
                IReadOnlyList<object?> { Count: > Longest } => throw new JinjaException($"a list is longer than {Longest} items"),
                var value => value,
            };
        }
        catch (Exception error) when (error is OverflowException or OutOfMemoryException)
        {
            throw new JinjaException("a number or a text is too large");
        }
        catch (RegexMatchTimeoutException error)
        {
            throw new JinjaException(UntrustedRegex.TooSlow(error));
        }
        catch (RegexParseException error)
        {
            throw new JinjaException($"not a regular expression: {error.Message}");
        }
    }

    protected abstract object? Compute(JinjaScope scope);

    public sealed record Literal(object? Value) : JinjaExpression
    {
        protected override object? Compute(JinjaScope scope) => Value;
    }

    public sealed record Variable(string Text) : JinjaExpression
    {
        protected override object? Compute(JinjaScope scope) => scope.Get(Text);
    }

    public sealed record Many(IReadOnlyList<JinjaExpression> Items) : JinjaExpression
    {
        protected override object Compute(JinjaScope scope) => Items.Select(item => item.Evaluate(scope)).ToList();
    }

    public sealed record Pairs(IReadOnlyList<(JinjaExpression Key, JinjaExpression Value)> Members) : JinjaExpression
    {
        protected override object Compute(JinjaScope scope)
        {
            var pairs = new OrderedDictionary<object, object?>();
            foreach (var (key, value) in Members)
                pairs[key.Evaluate(scope) ?? throw new JinjaException("none cannot be a key")] = value.Evaluate(scope);
            return pairs;
        }
    }

    public sealed record Conditional(JinjaExpression Condition, JinjaExpression Then, JinjaExpression? Otherwise)
        : JinjaExpression
    {
        protected override object? Compute(JinjaScope scope) =>
            PythonValue.Truth(Condition.Evaluate(scope)) ? Then.Evaluate(scope)
                : Otherwise is null ? new JinjaUndefined("the condition was false and there is no else", false)
                : Otherwise.Evaluate(scope);
    }

    public sealed record Logic(JinjaExpression Left, JinjaExpression Right, bool IsAnd) : JinjaExpression
    {
        protected override object? Compute(JinjaScope scope)
        {
            var left = Left.Evaluate(scope);
            return PythonValue.Truth(left) == IsAnd ? Right.Evaluate(scope) : left;
        }
    }

    public sealed record Not(JinjaExpression Value) : JinjaExpression
    {
        protected override object Compute(JinjaScope scope) => !PythonValue.Truth(Value.Evaluate(scope));
    }

    public sealed record Comparison(JinjaExpression First, IReadOnlyList<(string Operator, JinjaExpression Value)> Chain)
        : JinjaExpression
    {
        protected override object Compute(JinjaScope scope)
        {
            var left = First.Evaluate(scope);
            foreach (var (sign, expression) in Chain)
            {
                var right = expression.Evaluate(scope);
                var holds = sign switch
                {
                    "==" => PythonValue.AreEqual(left, right),
                    "!=" => !PythonValue.AreEqual(left, right),
                    "in" => PythonValue.Contains(right, left),
                    "not in" => !PythonValue.Contains(right, left),
                    "<" => PythonValue.Compare(left, right) < 0,
                    "<=" => PythonValue.Compare(left, right) <= 0,
                    ">" => PythonValue.Compare(left, right) > 0,
                    _ => PythonValue.Compare(left, right) >= 0,
                };
                if (!holds)
                    return false;
                left = right;
            }
            return true;
        }
    }

    public sealed record Arithmetic(string Operator, JinjaExpression Left, JinjaExpression Right) : JinjaExpression
    {
        protected override object? Compute(JinjaScope scope) =>
            PythonValue.Calculate(Operator, Left.Evaluate(scope), Right.Evaluate(scope));
    }

    /// <summary>value.name or value[key].</summary>
    public sealed record Member(JinjaExpression Target, JinjaExpression Key, bool Dotted) : JinjaExpression
    {
        protected override object? Compute(JinjaScope scope) =>
            PythonValue.Member(Target.Evaluate(scope), Key.Evaluate(scope), scope.Strict);
    }

    /// <summary>value[from:to:step].</summary>
    public sealed record Slice(JinjaExpression Target, JinjaExpression? From, JinjaExpression? To, JinjaExpression? Step)
        : JinjaExpression
    {
        protected override object Compute(JinjaScope scope) =>
            PythonValue.Slice(Target.Evaluate(scope), From?.Evaluate(scope), To?.Evaluate(scope), Step?.Evaluate(scope));
    }

    /// <summary>A function, or a method of a value.</summary>
    public sealed record Call(
        JinjaExpression Target,
        IReadOnlyList<JinjaExpression> Arguments,
        IReadOnlyList<(string Name, JinjaExpression Value)> Named) : JinjaExpression
    {
        protected override object? Compute(JinjaScope scope)
        {
            var arguments = Arguments.Select(argument => argument.Evaluate(scope)).ToList();
            var named = Named.ToDictionary(argument => argument.Name, argument => argument.Value.Evaluate(scope));
            if (Target is Member { Dotted: true, Key: Literal { Value: string method } } member
                && member.Target.Evaluate(scope) is var owner and not (JinjaNamespace or JinjaLoop))
                return PythonMethods.Call(owner, method, arguments, named);
            return Target.Evaluate(scope) switch
            {
                JinjaFunction function => function(arguments, named),
                JinjaUndefined missing => throw missing.Error(),
                var other => throw new JinjaException($"{PythonValue.Kind(other)} cannot be called"),
            };
        }
    }

    public sealed record Filter(
        string Name,
        JinjaExpression Value,
        IReadOnlyList<JinjaExpression> Arguments,
        IReadOnlyList<(string Name, JinjaExpression Value)> Named)
        : JinjaExpression
    {
        protected override object? Compute(JinjaScope scope) => JinjaFilters.Apply(Name, Value.Evaluate(scope),
            [.. Arguments.Select(argument => argument.Evaluate(scope))], Named.ToDictionary(
                argument => argument.Name, argument => argument.Value.Evaluate(scope)));
    }

    public sealed record Test(string Name, JinjaExpression Value, IReadOnlyList<JinjaExpression> Arguments) : JinjaExpression
    {
        protected override object Compute(JinjaScope scope) =>
            JinjaFunctions.Test(Name, Value.Evaluate(scope), [.. Arguments.Select(argument => argument.Evaluate(scope))]);
    }
}
