using System.Text;
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
                return text => UnicodeNormalization.Normalize(text, NormalizationForm.FormC);
            case "NFD":
                return text => UnicodeNormalization.Normalize(text, NormalizationForm.FormD);
            case "NFKC":
                return text => UnicodeNormalization.Normalize(text, NormalizationForm.FormKC);
            case "NFKD":
                return text => UnicodeNormalization.Normalize(text, NormalizationForm.FormKD);
            case "Lowercase":
                // .NET's change of case is character for character; this one letter becomes two.
                return text => text.Replace("İ", "i\u0307", StringComparison.Ordinal).ToLowerInvariant();
            case "Strip":
                var (left, right) =
                    (normalizer.Child("strip_left")?.Flag() ?? true, normalizer.Child("strip_right")?.Flag() ?? true);
                return text => (left, right) switch
                {
                    (true, true) => text.Trim(),
                    (true, false) => text.TrimStart(),
                    (false, true) => text.TrimEnd(),
                    _ => text,
                };
            case "Prepend":
                var prefix = normalizer.Required("prepend").Text();
                return text => text.Length == 0 ? text : prefix + text;
            case "Replace":
                return Replace(normalizer);
            case "Precompiled":
                if (normalizer.Child("precompiled_charsmap") is not { } content)
                    return text => text;
                var table = new CharacterTable(content.Bytes(), content.Bad);
                // No tokenizer.json has this key: it is that of a SentencePiece model read as one.
                return normalizer.Child(SentencePieceFile.Longest)?.Flag() == true ? table.Replace : table.ReplaceByCluster;
            case var other:
                throw normalizer.Required("type").Bad(
                    $"\"{other}\" is not supported; use Sequence, NFC, NFD, NFKC, NFKD, "
                    + "Lowercase, Strip, Prepend, Replace or Precompiled.");
        }
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
            return UntrustedRegex.Of(expression.Text());
        }
        catch (ArgumentException e)
        {
            throw expression.Bad($"is not a regular expression that can be read: {e.Message}");
        }
    }
}
