using System.Text.RegularExpressions;

namespace Pedigree.Evaluation.Jinja;

/// <summary>The methods of Python's texts, lists and mappings that templates call.</summary>
internal static class PythonMethods
{
    public static object? Call(
        object? owner, string method, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
    {
        var result = owner switch
        {
            JinjaUndefined missing => throw missing.Error(),
            string text => OfText(text, method, arguments, named),
            IReadOnlyList<object?> list => OfList(list, method, arguments),
            OrderedDictionary<object, object?> pairs => OfMapping(pairs, method, arguments),
            _ => Nothing,
        };
        return ReferenceEquals(result, Nothing)
            ? throw new JinjaException(
                $"{PythonValue.Kind(owner)} has no method `{method}` that takes {arguments.Count} such arguments") : result;
    }

    private static readonly object Nothing = new();

    private static object? OfText(
        string text, string method, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
    {
        if (named.Count > 0 && method is "split" or "rsplit")
            arguments = [arguments.ElementAtOrDefault(0)
                ?? named.GetValueOrDefault("sep"), arguments.ElementAtOrDefault(1) ?? named.GetValueOrDefault("maxsplit") ?? -1L];
        return (method, arguments) switch
        {
            ("strip", [] or [null]) => text.Trim(),
            ("lstrip", [] or [null]) => text.TrimStart(),
            ("rstrip", [] or [null]) => text.TrimEnd(),
            ("strip", [string set]) => text.Trim(set.ToCharArray()),
            ("lstrip", [string set]) => text.TrimStart(set.ToCharArray()),
            ("rstrip", [string set]) => text.TrimEnd(set.ToCharArray()),
            ("split", [] or [null] or [null, -1L]) => Words(text),
            ("split", [string { Length: > 0 } separator]) => List(text.Split(separator)),
            ("split", [string { Length: > 0 } separator, long most]) =>
                List(most < 0 ? text.Split(separator) : text.Split(separator, (int)most + 1)),
            ("rsplit", [string { Length: > 0 } separator, long most]) when most >= 0 => SplitFromEnd(text, separator, most),
            ("splitlines", []) => List(text.Length == 0 ? [] : (text.EndsWith('\n') ? text[..^1] : text).Split('\n')),
            ("partition", [string { Length: > 0 } separator]) =>
                text.IndexOf(separator, StringComparison.Ordinal) is var at and >= 0
                    ? List([text[..at], separator, text[(at + separator.Length)..]]) : List([text, "", ""]),
            ("upper", []) => text.ToUpperInvariant(),
            ("lower", []) => text.ToLowerInvariant(),
            ("capitalize", []) => Capitalize(text),
            ("title", []) => Title(text),
            ("replace", [string { Length: > 0 } old, string other]) => text.Replace(old, other, StringComparison.Ordinal),
            ("replace", [string { Length: > 0 } old, string other, long most]) => Replace(text, old, other, most),
            ("startswith", [string start]) => text.StartsWith(start, StringComparison.Ordinal),
            ("endswith", [string end]) => text.EndsWith(end, StringComparison.Ordinal),
            ("startswith", [IReadOnlyList<object?> starts]) =>
                starts.OfType<string>().Any(start => text.StartsWith(start, StringComparison.Ordinal)),
            ("endswith", [IReadOnlyList<object?> ends]) =>
                ends.OfType<string>().Any(end => text.EndsWith(end, StringComparison.Ordinal)),
            ("find", [string part]) => (long)text.IndexOf(part, StringComparison.Ordinal),
            ("index", [string part]) => text.IndexOf(part, StringComparison.Ordinal) is var at and >= 0 ? (long)at
                : throw new JinjaException($"\"{part}\" is not in the text"),
            ("count", [string { Length: > 0 } part]) => (long)Regex.Count(text, Regex.Escape(part)),
            ("join", [var items]) => string.Join(text, PythonValue.Items(items)
                .Select(item => item as string ?? throw new JinjaException($"join takes texts, not {PythonValue.Kind(item)}"))),
            ("isdigit", []) => text.Length > 0 && text.All(char.IsDigit),
            ("isalpha", []) => text.Length > 0 && text.All(char.IsLetter),
            ("isupper", []) => text.Any(char.IsUpper) && !text.Any(char.IsLower),
            ("islower", []) => text.Any(char.IsLower) && !text.Any(char.IsUpper),
            ("isspace", []) => text.Length > 0 && text.All(char.IsWhiteSpace),
            ("removeprefix", [string start]) => text.StartsWith(start, StringComparison.Ordinal) ? text[start.Length..] : text,
            ("removesuffix", [string { Length: > 0 } end]) =>
                text.EndsWith(end, StringComparison.Ordinal) ? text[..^end.Length] : text,
            ("zfill", [long width]) => text.PadLeft((int)Math.Clamp(width, 0, JinjaExpression.Longest + 1L), '0'),
            ("format", _) => Format(text, arguments, named),
            _ => Nothing,
        };
    }

    private static object? OfList(IReadOnlyList<object?> list, string method, IReadOnlyList<object?> arguments)
    {
        switch (method, arguments)
        {
            case ("index", [var item]):
                for (var i = 0; i < list.Count; i++)
                {
                    if (PythonValue.AreEqual(list[i], item))
                        return (long)i;
                }
                throw new JinjaException($"{PythonValue.Representation(item)} is not in the list {PythonValue.Text(list)}");
            case ("count", [var item]):
                return (long)list.Count(other => PythonValue.AreEqual(other, item));
            case ("append", [var item]) when list is List<object?> own:
                own.Add(item);
                return null;
            default:
                return Nothing;
        }
    }

    private static object? OfMapping(OrderedDictionary<object, object?> pairs, string method, IReadOnlyList<object?> arguments) =>
        (method, arguments) switch
        {
            ("items", []) => pairs.Select(pair => (object?)new List<object?> { pair.Key, pair.Value }).ToList(),
            ("keys", []) => pairs.Keys.Cast<object?>().ToList(),
            ("values", []) => pairs.Values.ToList(),
            ("get", [not null and var key]) => pairs.GetValueOrDefault(key),
            ("get", [not null and var key, var otherwise]) => pairs.TryGetValue(key, out var value) ? value : otherwise,
            _ when pairs.GetValueOrDefault(method) is JinjaFunction function =>
                function(arguments, new Dictionary<string, object?>()),
            _ => Nothing,
        };

    /// <summary>The first letter upper case, all others lower.</summary>
    public static string Capitalize(string text) =>
        text.Length == 0 ? "" : text[..1].ToUpperInvariant() + text[1..].ToLowerInvariant();

    /// <summary>Every word capitalized; words are runs of letters.</summary>
    public static string Title(string text) => Regex.Replace(text, @"\p{L}+", match => Capitalize(match.Value));

    public static string Replace(string text, string old, string other, long most) =>
        most < 0 ? text.Replace(old, other, StringComparison.Ordinal) : string.Join(other, text.Split(old, (int)most + 1));

    private static List<object?> Words(string text) => List(text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static List<object?> List(IEnumerable<string> texts) => [.. texts];

    private static List<object?> SplitFromEnd(string text, string separator, long most)
    {
        var parts = text.Split(separator);
        var kept = (int)Math.Max(1, parts.Length - most);
        return List([string.Join(separator, parts[..kept]), .. parts[kept..]]);
    }

    private static string Format(string text, IReadOnlyList<object?> arguments, IReadOnlyDictionary<string, object?> named)
    {
        var next = 0;
        return Regex.Replace(text, @"\{\{|\}\}|\{(\w*)\}|[{}]", match => match.Value switch
        {
            "{{" => "{",
            "}}" => "}",
            "{" or "}" => throw new JinjaException($"the format \"{text}\" is not supported"),
            _ when match.Groups[1].Value is var name && named.TryGetValue(name, out var value) => PythonValue.Text(value),
            _ when (match.Groups[1].Length == 0 ? next++
                : int.TryParse(match.Groups[1].Value, out var place) ? place
                : -1) is var at
                && at >= 0 && at < arguments.Count => PythonValue.Text(arguments[at]),
            _ => throw new JinjaException($"the format \"{text}\" asks for {match.Value}, which is not given"),
        });
    }
}
