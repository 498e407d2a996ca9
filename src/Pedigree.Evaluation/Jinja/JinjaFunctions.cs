namespace Pedigree.Evaluation.Jinja;

/// <summary>Jinja2's global functions and tests, and raise_exception, which chat templates call.</summary>
internal static class JinjaFunctions
{
    private static readonly Dictionary<string, JinjaFunction> Globals = new(StringComparer.Ordinal)
    {
        ["range"] = (arguments, _) => Range(arguments),
        ["namespace"] = (_, named) =>
        {
            var space = new JinjaNamespace();
            foreach (var (name, value) in named)
                space.Values[name] = value;
            return space;
        },
        ["dict"] = (_, named) =>
        {
            var pairs = new OrderedDictionary<object, object?>();
            foreach (var (name, value) in named)
                pairs[name] = value;
            return pairs;
        },
        ["raise_exception"] = (arguments, _) =>
            throw new JinjaException($"the template refuses this: {PythonValue.Text(arguments.ElementAtOrDefault(0))}"),
    };

    private static readonly Dictionary<string, Func<object?, IReadOnlyList<object?>, bool>> AllTests = new(StringComparer.Ordinal)
    {
        ["defined"] = (value, _) => value is not JinjaUndefined,
        ["undefined"] = (value, _) => value is JinjaUndefined,
        ["none"] = (value, _) => value is null,
        ["boolean"] = (value, _) => value is bool,
        ["true"] = (value, _) => value is true,
        ["false"] = (value, _) => value is false,
        ["string"] = (value, _) => value is string,
        ["number"] = (value, _) => PythonValue.Numeric(value) is not null,
        ["integer"] = (value, _) => value is long,
        ["float"] = (value, _) => value is double,
        ["mapping"] = (value, _) => value is OrderedDictionary<object, object?>,
        ["iterable"] = (value, _) => value is string or IReadOnlyList<object?> or OrderedDictionary<object, object?>,
        ["sequence"] = (value, _) => value is string or IReadOnlyList<object?> or OrderedDictionary<object, object?>,
        ["callable"] = (value, _) => value is JinjaFunction,
        ["even"] = (value, _) => PythonValue.Whole(value, "what is tested") % 2 == 0,
        ["odd"] = (value, _) => PythonValue.Whole(value, "what is tested") % 2 != 0,
        ["divisibleby"] =
            (value, arguments) => PythonValue.Whole(value, "what is tested") % PythonValue.Whole(arguments[0], "a divisor") == 0,
        ["lower"] = (value, _) => PythonValue.Text(value) is var text && text.Any(char.IsLower) && !text.Any(char.IsUpper),
        ["upper"] = (value, _) => PythonValue.Text(value) is var text && text.Any(char.IsUpper) && !text.Any(char.IsLower),
        ["in"] = (value, arguments) => PythonValue.Contains(arguments[0], value),
        ["equalto"] = (value, arguments) => PythonValue.AreEqual(value, arguments[0]),
        ["eq"] = (value, arguments) => PythonValue.AreEqual(value, arguments[0]),
        ["=="] = (value, arguments) => PythonValue.AreEqual(value, arguments[0]),
        ["ne"] = (value, arguments) => !PythonValue.AreEqual(value, arguments[0]),
        ["gt"] = (value, arguments) => PythonValue.Compare(value, arguments[0]) > 0,
        ["ge"] = (value, arguments) => PythonValue.Compare(value, arguments[0]) >= 0,
        ["lt"] = (value, arguments) => PythonValue.Compare(value, arguments[0]) < 0,
        ["le"] = (value, arguments) => PythonValue.Compare(value, arguments[0]) <= 0,
    };

    public static IEnumerable<string> Tests => AllTests.Keys;

    public static JinjaFunction? Global(string name) => Globals.GetValueOrDefault(name);

    public static bool IsTest(string name) => AllTests.ContainsKey(name);

    public static bool Test(string name, object? value, IReadOnlyList<object?> arguments)
    {
        if (!AllTests.TryGetValue(name, out var test))
            throw new JinjaException($"the test `{name}` is not supported; use {string.Join(", ", Tests)}");
        if (value is JinjaUndefined { Strict: true } missing && name is not ("defined" or "undefined"))
            throw missing.Error();
        try
        {
            return test(value, arguments);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new JinjaException($"the test `{name}` needs something to compare with");
        }
    }

    private static List<object?> Range(IReadOnlyList<object?> arguments)
    {
        long[] bounds = [.. arguments.Select(argument => PythonValue.Whole(argument, "a bound of range"))];
        var (from, to, step) = bounds switch
        {
            [var end] => (0L, end, 1L),
            [var start, var end] => (start, end, 1L),
            [var start, var end, not 0 and var stride] => (start, end, stride),
            _ => throw new JinjaException("range takes an end, a beginning and an end, or both and a step that is not 0"),
        };
        var count = Math.Max(0, (to - from + step - Math.Sign(step)) / step);
        return count <= 100_000 ? [.. Enumerable.Range(0, (int)count).Select(i => (object?)(from + i * step))]
            : throw new JinjaException($"range of {count} numbers is too long; at most 100000 are made");
    }
}
