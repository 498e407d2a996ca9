using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Named = System.Collections.Generic.IReadOnlyDictionary<string, object?>;

namespace Pedigree.Evaluation.Jinja;

/// <summary>Jinja2's filters, and regex_replace, which the harness adds.</summary>
internal static class JinjaFilters
{
    private delegate object? Filter(object? value, IReadOnlyList<object?> arguments, Named named);

    private static readonly Dictionary<string, Filter> All = new(StringComparer.Ordinal)
    {
        ["abs"] = (value, _, _) => value switch
        {
            long whole => (object)Math.Abs(whole),
            double number => Math.Abs(number),
            _ => throw Unfit("abs", value),
        },
        ["batch"] = (value, arguments, _) => PythonValue.Items(value)
            .Chunk((int)PythonValue.Whole(arguments[0], "a batch")).Select(part => (object?)part.ToList()).ToList(),
        ["capitalize"] = (value, _, _) => PythonMethods.Capitalize(PythonValue.Text(value)),
        ["count"] = (value, _, _) => Length(value),
        ["default"] = Default,
        ["d"] = Default,
        ["dictsort"] = (value, _, _) => Pairs(value, "dictsort")
            .OrderBy(pair => PythonValue.Text(pair.Key), StringComparer.OrdinalIgnoreCase)
            .Select(pair => (object?)new List<object?> { pair.Key, pair.Value }).ToList(),
        ["first"] = (value, _, _) => PythonValue.Items(value) is { Count: > 0 } items ? items[0]
            : new JinjaUndefined("there is no first item", true),
        ["float"] = (value, arguments, _) => value is string text
            ? double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
                : arguments.ElementAtOrDefault(0) ?? 0.0
            : PythonValue.Numeric(value) ?? 0.0,
        ["indent"] = Indent,
        ["int"] = (value, arguments, _) => Int(value) ?? arguments.ElementAtOrDefault(0) ?? 0L,
        ["items"] = (value, _, _) => value is JinjaUndefined { Strict: false } ? new List<object?>()
            : Pairs(value, "items").Select(pair => (object?)new List<object?> { pair.Key, pair.Value }).ToList(),
        ["join"] = Join,
        ["last"] = (value, _, _) => PythonValue.Items(value) is { Count: > 0 } items ? items[^1]
            : new JinjaUndefined("there is no last item", true),
        ["length"] = (value, _, _) => Length(value),
        ["list"] = (value, _, _) => PythonValue.Items(value).ToList(),
        ["lower"] = (value, _, _) => PythonValue.Text(value).ToLowerInvariant(),
        ["map"] = Map,
        ["max"] = (value, _, _) => PythonValue.Items(value).Order(Comparer<object?>.Create(PythonValue.Compare)).LastOrDefault(),
        ["min"] = (value, _, _) => PythonValue.Items(value).Order(Comparer<object?>.Create(PythonValue.Compare)).FirstOrDefault(),
        ["regex_replace"] = (value, arguments, _) => UntrustedRegex.Of(PythonValue.Text(arguments[0]))
            .Replace(PythonValue.Text(value), PythonReplacement(PythonValue.Text(arguments[1]))),
        ["reject"] = (value, arguments, _) => Select(value, arguments, false),
        ["rejectattr"] = (value, arguments, _) => SelectByMember(value, arguments, false),
        ["replace"] = (value, arguments, _) => PythonMethods.Replace(
            PythonValue.Text(value), PythonValue.Text(arguments[0]), PythonValue.Text(arguments[1]),
            arguments.Count > 2 ? PythonValue.Whole(arguments[2], "a count") : -1),
        ["reverse"] = (value, _, _) => value is string
            ? string.Concat(PythonValue.Items(value).Reverse())
            : PythonValue.Items(value).Reverse().ToList(),
        ["round"] = Round,
        ["safe"] = (value, _, _) => value,
        ["select"] = (value, arguments, _) => Select(value, arguments, true),
        ["selectattr"] = (value, arguments, _) => SelectByMember(value, arguments, true),
        ["sort"] = Sort,
        ["string"] = (value, _, _) => PythonValue.Text(value),
        ["sum"] = (value, _, _) => PythonValue.Items(value)
            .Aggregate((object?)0L, (sum, item) => PythonValue.Calculate("+", sum, item)),
        ["title"] = (value, _, _) => PythonMethods.Title(PythonValue.Text(value)),
        ["tojson"] = (value, arguments, named) => JinjaJson.Write(value,
            (named.GetValueOrDefault("indent") ?? arguments.ElementAtOrDefault(0)) is { } indent
                ? (int)Math.Clamp(PythonValue.Whole(indent, "an indent"), 0, 1000)
                : null),
        ["trim"] = (value, arguments, _) => arguments.ElementAtOrDefault(0) is string set
            ? PythonValue.Text(value).Trim(set.ToCharArray())
            : PythonValue.Text(value).Trim(),
        ["unique"] = (value, _, _) => PythonValue.Items(value).Aggregate(new List<object?>(),
            (seen, item) => PythonValue.Contains(seen, item) ? seen : [.. seen, item]),
        ["upper"] = (value, _, _) => PythonValue.Text(value).ToUpperInvariant(),
        ["wordcount"] = (value, _, _) => (long)Regex.Count(PythonValue.Text(value), @"\w+"),
    };

    public static IEnumerable<string> Names => All.Keys;

    public static bool Exists(string name) => All.ContainsKey(name);

    public static object? Apply(string name, object? value, IReadOnlyList<object?> arguments, Named named)
    {
        if (value is JinjaUndefined { Strict: true } missing && name is not ("default" or "d"))
            throw missing.Error();
        try
        {
            return All[name](value, arguments, named);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new JinjaException($"the filter `{name}` needs more than {arguments.Count} arguments");
        }
    }

    private static object? Default(object? value, IReadOnlyList<object?> arguments, Named named) =>
        value is JinjaUndefined
        || PythonValue.Truth(arguments.ElementAtOrDefault(1) ?? named.GetValueOrDefault("boolean")) && !PythonValue.Truth(value)
            ? arguments.ElementAtOrDefault(0) ?? named.GetValueOrDefault("default_value") ?? "" : value;

    private static long Length(object? value) =>
        value is OrderedDictionary<object, object?> pairs ? pairs.Count : PythonValue.Items(value).Count;

    private static long? Int(object? value)
    {
        switch (value)
        {
            case bool flag:
                return flag ? 1 : 0;
            case long whole:
                return whole;
            case double number:
                return (long)Math.Truncate(number);
            case string text when long.TryParse(
                text,
                NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
                CultureInfo.InvariantCulture,
                out var parsed):
                return parsed;
            case string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed)
                && double.IsFinite(parsed):
                return (long)Math.Truncate(parsed);
            default:
                return null;
        }
    }

    private static object Join(object? value, IReadOnlyList<object?> arguments, Named named)
    {
        var separator = PythonValue.Text(arguments.ElementAtOrDefault(0) ?? named.GetValueOrDefault("d") ?? "");
        var member = arguments.ElementAtOrDefault(1) ?? named.GetValueOrDefault("attribute");
        return string.Join(separator, PythonValue.Items(value)
            .Select(item => PythonValue.Text(member is null ? item : PythonValue.Member(item, member, true))));
    }

    private static object Map(object? value, IReadOnlyList<object?> arguments, Named named)
    {
        var items = PythonValue.Items(value);
        if (named.TryGetValue("attribute", out var member))
        {
            return items.Select(item => PythonValue.Member(item, member, true) is var own && own is JinjaUndefined
                ? named.GetValueOrDefault("default") ?? own : own).ToList();
        }
        var name = arguments[0] as string ?? "";
        return Exists(name) ? items.Select(item => Apply(name, item, [.. arguments.Skip(1)], named)).ToList()
            : throw new JinjaException($"the filter `{name}` is not supported; use {string.Join(", ", Names)}");
    }

    private static List<object?> Select(object? value, IReadOnlyList<object?> arguments, bool wanted) =>
        [.. PythonValue.Items(value).Where(item => Holds(item, arguments) == wanted)];

    private static List<object?> SelectByMember(object? value, IReadOnlyList<object?> arguments, bool wanted) =>
        [.. PythonValue.Items(value)
            .Where(item => Holds(PythonValue.Member(item, arguments[0], false), [.. arguments.Skip(1)]) == wanted)];

    private static bool Holds(object? item, IReadOnlyList<object?> test) =>
        test.Count == 0 ? PythonValue.Truth(item) : JinjaFunctions.Test(test[0] as string ?? "", item, [.. test.Skip(1)]);

    private static object Sort(object? value, IReadOnlyList<object?> arguments, Named named)
    {
        var member = named.GetValueOrDefault("attribute");
        var folded = !PythonValue.Truth(named.GetValueOrDefault("case_sensitive") ?? arguments.ElementAtOrDefault(1));
        object? Key(object? item)
        {
            var key = member is null ? item : PythonValue.Member(item, member, true);
            return folded && key is string text ? text.ToLowerInvariant() : key;
        }
        var order = Comparer<object?>.Create(PythonValue.Compare);
        return (PythonValue.Truth(named.GetValueOrDefault("reverse") ?? arguments.ElementAtOrDefault(0))
            ? PythonValue.Items(value).OrderByDescending(Key, order) : PythonValue.Items(value).OrderBy(Key, order)).ToList();
    }

    private static object? Round(object? value, IReadOnlyList<object?> arguments, Named named)
    {
        var number = PythonValue.Numeric(value) ?? throw Unfit("round", value);
        var digits = arguments.ElementAtOrDefault(0) is { } given ? (int)PythonValue.Whole(given, "a number of digits") : 0;
        var unit = Math.Pow(10, digits);
        return (arguments.ElementAtOrDefault(1) ?? named.GetValueOrDefault("method")) switch
        {
            "ceil" => Math.Ceiling(number * unit) / unit,
            "floor" => Math.Floor(number * unit) / unit,
            _ => Math.Round(number, Math.Clamp(digits, 0, 15), MidpointRounding.ToEven),
        };
    }

    private static object Indent(object? value, IReadOnlyList<object?> arguments, Named named)
    {
        var width = arguments.ElementAtOrDefault(0) ?? named.GetValueOrDefault("width") ?? 4L;
        var margin = width as string
            ?? new string(' ', (int)Math.Clamp(PythonValue.Whole(width, "a width"), 0, JinjaExpression.Longest));
        var (first, blank) = (PythonValue.Truth(arguments.ElementAtOrDefault(1)
            ?? named.GetValueOrDefault("first")), PythonValue.Truth(named.GetValueOrDefault("blank")));
        var result = new StringBuilder();
        foreach (var (number, text) in PythonValue.Text(value).Split('\n').Index())
            result.Append(number > 0 ? "\n" : "")
                .Append((number > 0 || first) && (blank || text.Length > 0) ? margin : "")
                .Append(text);
        return result.ToString();
    }

    private static OrderedDictionary<object, object?> Pairs(object? value, string filter) =>
        value as OrderedDictionary<object, object?> ?? throw Unfit(filter, value);

    /// <summary>Python writes \1 where .NET writes $1.</summary>
    private static string PythonReplacement(string text) =>
        Regex.Replace(text.Replace("$", "$$", StringComparison.Ordinal), @"\\(?:g<(\w+)>|([0-9]+))",
            match => $"${{{match.Groups[1].Value}{match.Groups[2].Value}}}");

    private static JinjaException Unfit(string name, object? value) =>
        new($"the filter `{name}` does not fit {PythonValue.Kind(value)}");
}
