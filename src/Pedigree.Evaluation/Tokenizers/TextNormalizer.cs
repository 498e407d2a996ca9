using System.Text.RegularExpressions;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>The normalizer of a tokenizer.json: what is done to a text before it is split.</summary>
internal static class TextNormalizer
{
    public static Func<string, string> Read(JsonReader? normalizer)
    {
        if (normalizer is null)
            return text => text;
        switch (normalizer.Required("type").Text())
        {
            case "Sequence":
                var steps = normalizer.Required("normalizers").Items().Select(Read).ToList();
                return text => steps.Aggregate(text, (current, step) => step(current));
            case "NFC":
                return text => Composed(text, normalizer);
            case "Lowercase":
                return text => text.ToLowerInvariant();
            case "Prepend":
                var prefix = normalizer.Required("prepend").Text();
                return text => text.Length == 0 ? text : prefix + text;
            case "Replace":
                return Replace(normalizer);
            case var other:
                throw normalizer.Required("type").Bad(
                    $"\"{other}\" is not supported; use Sequence, NFC, Lowercase, Prepend or Replace.");
        }
    }

    /// <summary>
    /// NFC of a text. Without ICU, which a bare machine lacks and this program therefore does not use, .NET returns texts beyond
    /// ASCII as they are. Nearly all are composed already; one with a character that would be composed is refused, lest its tokens
    /// be wrong in silence.
    /// </summary>
    private static string Composed(string text, JsonReader normalizer)
    {
        foreach (var character in text)
        {
            if (character is (>= '\u0300' and <= '\u036F')      // accents
                or (>= '\u1100' and <= '\u11FF')               // parts of Hangul syllables
                or '\u2126' or '\u212A' or '\u212B'            // ohm, kelvin, ångström
                or '\u3099' or '\u309A'                        // voicing of kana
                or (>= '\uF900' and <= '\uFAFF'))              // compatibility ideographs
                throw normalizer.Bad($"the text \"{(text.Length > 40 ? text[..40] + "…" : text)}\" has U+{(int)character:X4}; "
                    + "write it composed (NFC), since NFC itself is not supported.");
        }
        return text;
    }

    /// <summary>A replacement of a literal or a regular expression by a literal; decoders use it too.</summary>
    public static Func<string, string> Replace(JsonReader step)
    {
        var pattern = Pattern(step.Required("pattern"));
        var content = step.Required("content").Text();
        return text => pattern.Replace(text, _ => content);
    }

    /// <summary>{"String": literal} or {"Regex": expression}.</summary>
    public static Regex Pattern(JsonReader pattern)
    {
        if (pattern.Child("String") is { } literal)
            return new Regex(Regex.Escape(literal.Text()), RegexOptions.CultureInvariant);
        var expression = pattern.Required("Regex");
        try
        {
            return new Regex(expression.Text(), RegexOptions.CultureInvariant);
        }
        catch (ArgumentException e)
        {
            throw expression.Bad($"is not a regular expression that can be read: {e.Message}");
        }
    }
}
