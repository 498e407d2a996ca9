using System.Globalization;
using System.Text;

namespace Pedigree.Evaluation.Jinja;

/// <summary>How Python treats values: truth, equality, order, arithmetic, members, and how it writes them.</summary>
internal static class PythonValue
{
    /// <summary>What a value is called in errors.</summary>
    public static string Kind(object? value) => value switch
    {
        null => "none",
        bool => "a boolean",
        long => "a whole number",
        double => "a number",
        string => "a text",
        IReadOnlyList<object?> => "a list",
        OrderedDictionary<object, object?> => "a mapping",
        JinjaUndefined => "an undefined value",
        _ => "a function",
    };

    public static bool Truth(object? value) => value switch
    {
        null => false,
        bool flag => flag,
        long whole => whole != 0,
        double number => number != 0,
        string text => text.Length > 0,
        IReadOnlyList<object?> list => list.Count > 0,
        OrderedDictionary<object, object?> pairs => pairs.Count > 0,
        JinjaUndefined missing => missing.Strict ? throw missing.Error() : false,
        _ => true,
    };

    public static bool AreEqual(object? left, object? right) => (left, right) switch
    {
        (JinjaUndefined { Strict: true } missing, _) => throw missing.Error(),
        (_, JinjaUndefined { Strict: true } missing) => throw missing.Error(),
        (JinjaUndefined, JinjaUndefined) => true,
        (IReadOnlyList<object?> a, IReadOnlyList<object?> b) =>
            a.Count == b.Count && JinjaNesting.Checked(a).Zip(b).All(pair => AreEqual(pair.First, pair.Second)),
        (OrderedDictionary<object, object?> a, OrderedDictionary<object, object?> b) =>
            a.Count == b.Count && a.All(pair => b.TryGetValue(pair.Key, out var other) && AreEqual(pair.Value, other)),
        _ => Numeric(left) is { } x && Numeric(right) is { } y ? x.Equals(y) : Equals(left, right),
    };

    public static int Compare(object? left, object? right) => (left, right) switch
    {
        (string a, string b) => string.CompareOrdinal(a, b),
        (IReadOnlyList<object?> a, IReadOnlyList<object?> b) =>
            JinjaNesting.Checked(a).Zip(b).Select(pair => Compare(pair.First, pair.Second))
                .FirstOrDefault(order => order != 0) is var order and not 0 ? order : a.Count - b.Count,
        _ => Numeric(left) is { } x && Numeric(right) is { } y ? x.CompareTo(y) : throw Unfit("<", left, right),
    };

    public static bool Contains(object? container, object? item) => container switch
    {
        string text when item is string part => text.Contains(part, StringComparison.Ordinal),
        IReadOnlyList<object?> list => list.Any(other => AreEqual(other, item)),
        OrderedDictionary<object, object?> pairs => item is not null && pairs.ContainsKey(item),
        JinjaUndefined missing => missing.Strict ? throw missing.Error() : false,
        _ => throw Unfit("in", item, container),
    };

    /// <summary>What a for goes over: items of a list, keys of a mapping, characters of a text.</summary>
    public static IReadOnlyList<object?> Items(object? value) => value switch
    {
        IReadOnlyList<object?> list => list,
        OrderedDictionary<object, object?> pairs => [.. pairs.Keys],
        string text => [.. text.EnumerateRunes().Select(rune => rune.ToString())],
        JinjaUndefined missing => missing.Strict ? throw missing.Error() : [],
        _ => throw new JinjaException($"{Kind(value)} has no items to go over"),
    };

    public static object? Member(object? target, object? key, bool strict)
    {
        switch (target, key)
        {
            case (OrderedDictionary<object, object?> pairs, not null) when pairs.TryGetValue(key, out var value):
                return value;
            case (JinjaNamespace space, string name) when space.Values.TryGetValue(name, out var value):
                return value;
            case (JinjaLoop loop, string name):
                return loop.Get(name, strict);
            case (IReadOnlyList<object?> list, long place) when Place(place, list.Count) is { } at:
                return list[at];
            case (string text, long place) when Items(text) is var characters && Place(place, characters.Count) is { } at:
                return characters[at];
            case (JinjaUndefined missing, _):
                throw missing.Error();
        }
        var has = target is OrderedDictionary<object, object?> mapping
            ? $"; it has {string.Join(", ", mapping.Keys.Select(Text))}"
            : target is IReadOnlyList<object?> items ? $"; it has {items.Count} items" : "";
        return new JinjaUndefined($"{Kind(target)} has no `{(key is null ? "none" : Text(key))}`{has}", strict);

        static int? Place(long place, int count) =>
            place < -count || place >= count ? null : (int)(place < 0 ? place + count : place);
    }

    public static object Slice(object? target, object? from, object? to, object? step)
    {
        var items = Items(target);
        var stride = step is null ? 1 : Whole(step, "a step");
        if (stride == 0)
            throw new JinjaException("a step must not be 0");
        long Bound(object? value, long otherwise)
        {
            if (value is null)
                return otherwise;
            var place = Whole(value, "a place");
            place = place < 0 ? place + items.Count : place;
            return stride > 0 ? Math.Clamp(place, 0, items.Count) : Math.Clamp(place, -1, items.Count - 1);
        }
        var (first, end) = (Bound(from, stride > 0 ? 0 : items.Count - 1), Bound(to, stride > 0 ? items.Count : -1));
        var taken = new List<object?>();
        for (var place = first; stride > 0 ? place < end : place > end; place += stride)
            taken.Add(items[(int)place]);
        return target is string ? string.Concat(taken) : taken;
    }

    public static object? Calculate(string sign, object? left, object? right)
    {
        if ((left as JinjaUndefined ?? right as JinjaUndefined) is { } missing && (sign != "~" || missing.Strict))
            throw missing.Error();
        switch (sign, left, right)
        {
            case ("~", _, _):
                return Text(left) + Text(right);
            case ("+", string a, string b):
                return a + b;
            case ("+", IReadOnlyList<object?> a, IReadOnlyList<object?> b):
                return a.Concat(b).ToList();
            case ("*", string text, long times):
                return string.Concat(Enumerable.Repeat(text, Times(text.Length, times)));
            case ("*", IReadOnlyList<object?> list, long times):
                return Enumerable.Repeat(list, Times(list.Count, times)).SelectMany(items => items).ToList();
        }
        if (Integer(left) is { } x && Integer(right) is { } y && !(sign == "**" && y < 0))
        {
            if (sign is "/" or "//" or "%" && y == 0)
                throw new JinjaException("division by 0");
            // Cast, lest all of them become numbers with a fraction for the sake of one.
            return sign switch
            {
                "+" => (object)checked(x + y),
                "-" => checked(x - y),
                "*" => checked(x * y),
                "/" => (double)x / y,
                "//" => (long)Math.Floor((decimal)x / y),
                "%" => x % y is var rest && rest != 0 && rest < 0 != y < 0 ? rest + y : rest,
                _ => Power(x, y),
            };
        }
        return Numeric(left) is { } a2 && Numeric(right) is { } b2
            ? sign switch
            {
                "+" => a2 + b2,
                "-" => a2 - b2,
                "*" => a2 * b2,
                "/" => b2 == 0 ? throw new JinjaException("division by 0") : a2 / b2,
                "//" => Math.Floor(a2 / b2),
                "%" => a2 - b2 * Math.Floor(a2 / b2),
                _ => Math.Pow(a2, b2),
            }
            : throw Unfit(sign, left, right);
    }

    /// <summary>How often something is repeated.</summary>
    private static int Times(int length, long times) =>
        times <= 0 || length == 0 ? 0 : times <= JinjaExpression.Longest / length ? (int)times
            : throw new JinjaException($"{times} repetitions make more than {JinjaExpression.Longest} characters or items");

    private static long Power(long x, long y)
    {
        if (x is 0 or 1 or -1)
            return y == 0 ? 1 : x == -1 && y % 2 == 0 ? 1 : x;
        var power = 1L;
        for (; y > 0; y--)
            power = checked(power * x);
        return power;
    }

    public static long Whole(object? value, string what) =>
        Integer(value) ?? throw new JinjaException($"{what} must be a whole number, not {Kind(value)}");

    public static double? Numeric(object? value) => value switch
    {
        bool flag => flag ? 1 : 0,
        long whole => whole,
        double number => number,
        _ => null,
    };

    /// <summary>Python's str.</summary>
    public static string Text(object? value) => value switch
    {
        null => "None",
        bool flag => flag ? "True" : "False",
        long whole => whole.ToString(CultureInfo.InvariantCulture),
        double number => Number(number),
        string text => text,
        IReadOnlyList<object?> list => $"[{string.Join(", ", JinjaNesting.Checked(list).Select(Representation))}]",
        OrderedDictionary<object, object?> pairs =>
            $"{{{string.Join(", ", pairs.Select(pair => $"{Representation(pair.Key)}: {Representation(pair.Value)}"))}}}",
        JinjaUndefined missing => missing.Strict ? throw missing.Error() : "",
        _ => throw new JinjaException("a function cannot be written"),
    };

    /// <summary>Python's repr.</summary>
    public static string Representation(object? value)
    {
        if (value is not string text)
            return Text(value);
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var result = new StringBuilder().Append(quote);
        foreach (var character in text)
        {
            result.Append(character switch
            {
                '\\' => @"\\",
                '\n' => @"\n",
                '\r' => @"\r",
                '\t' => @"\t",
                _ when character == quote => $"\\{quote}",
                < ' ' or (>= '\x7f' and <= '\xa0') or '\xad' => $"\\x{(int)character:x2}",
                _ => character.ToString(),
            });
        }
        return result.Append(quote).ToString();
    }

    private static long? Integer(object? value) => value switch
    {
        bool flag => flag ? 1 : 0,
        long whole => whole,
        _ => null,
    };

    private static string Number(double number)
    {
        if (double.IsNaN(number) || double.IsInfinity(number))
            return double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        var size = Math.Abs(number);
        if (size != 0 && (size < 1e-4 || size >= 1e16))
        {
            var parts = number.ToString("E16", CultureInfo.InvariantCulture);
            for (var digits = 0; digits < 17; digits++)
            {
                parts = number.ToString($"E{digits}", CultureInfo.InvariantCulture);
                if (double.Parse(parts, CultureInfo.InvariantCulture) == number)
                    break;
            }
            var (mantissa, exponent) =
                (parts[..parts.IndexOf('E')], int.Parse(parts.AsSpan(parts.IndexOf('E') + 1), CultureInfo.InvariantCulture));
            return $"{mantissa}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('.') ? text : text + ".0";
    }

    private static JinjaException Unfit(string sign, object? left, object? right) =>
        new($"`{sign}` does not fit {Kind(left)} and {Kind(right)}");
}
