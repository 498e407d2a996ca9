using System.Globalization;
using System.Text;

namespace Pedigree.Evaluation.Jinja;

/// <summary>
/// JSON as Python's json.dumps(value, ensure_ascii=False) writes it, which is how chat templates show tools to a model.
/// </summary>
internal static class JinjaJson
{
    public static string Write(object? value, int? indent)
    {
        var result = new StringBuilder();
        Write(value, indent, 0, result);
        return result.ToString();
    }

    private static void Write(object? value, int? indent, int depth, StringBuilder result)
    {
        switch (value)
        {
            case null:
                result.Append("null");
                break;
            case bool flag:
                result.Append(flag ? "true" : "false");
                break;
            case string text:
                Quote(text, result);
                break;
            case IReadOnlyList<object?> list:
                Many('[', ']', list, item => Write(item, indent, depth + 1, result), indent, depth, result);
                break;
            case OrderedDictionary<object, object?> pairs:
                Many('{', '}', [.. pairs], pair =>
                {
                    Quote(PythonValue.Text(pair.Key), result);
                    result.Append(": ");
                    Write(pair.Value, indent, depth + 1, result);
                }, indent, depth, result);
                break;
            case long or double:
                result.Append(PythonValue.Text(value));
                break;
            default:
                throw new JinjaException($"the filter `tojson` does not fit {PythonValue.Kind(value)}");
        }
    }

    private static void Many<T>(
        char open, char close, IReadOnlyList<T> items, Action<T> write, int? indent, int depth, StringBuilder result)
    {
        JinjaNesting.Check();
        result.Append(open);
        for (var i = 0; i < items.Count; i++)
        {
            if (i > 0)
                result.Append(indent is null ? ", " : ",");
            if (indent is { } width)
                result.Append('\n').Append(' ', width * (depth + 1));
            write(items[i]);
        }
        if (indent is { } last && items.Count > 0)
            result.Append('\n').Append(' ', last * depth);
        result.Append(close);
    }

    private static void Quote(string text, StringBuilder result)
    {
        result.Append('"');
        foreach (var character in text)
        {
            result.Append(character switch
            {
                '"' => "\\\"",
                '\\' => @"\\",
                '\n' => @"\n",
                '\r' => @"\r",
                '\t' => @"\t",
                '\b' => @"\b",
                '\f' => @"\f",
                < ' ' => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}"),
                _ => character.ToString(),
            });
        }
        result.Append('"');
    }
}
