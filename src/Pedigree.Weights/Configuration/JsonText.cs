using System.Globalization;
using System.Text;

namespace Pedigree.Weights.Configuration;

/// <summary>
/// Mends the two places where YAML 1.2 readers do not take JSON: tabs between tokens, and characters beyond 16 bits escaped as a
/// surrogate pair. Lines and, but for such pairs, columns stay as they were.
/// </summary>
internal static class JsonText
{
    public static string ToYaml(string text)
    {
        var result = new StringBuilder(text.Length);
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '\\' && quoted && i + 1 < text.Length)
            {
                if (Escaped(text, i) is { } high && Escaped(text, i + 6) is { } low && char.IsSurrogatePair(high, low))
                {
                    result.Append(high).Append(low);
                    i += 11;
                    continue;
                }
                result.Append(c).Append(text[++i]);
                continue;
            }
            quoted ^= c == '"';
            result.Append(c == '\t' && !quoted ? ' ' : c);
        }
        return result.ToString();
    }

    private static char? Escaped(string text, int at) =>
        at + 6 <= text.Length && text[at] == '\\' && text[at + 1] == 'u'
        && ushort.TryParse(text.AsSpan(at + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit : null;
}
