using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// The pre_tokenizer of a tokenizer.json: cuts a section of text into the pieces that no token crosses. A section is what lies
/// between added tokens; the flag says whether it begins the text.
/// </summary>
internal static class PreTokenizer
{
    /// <summary>How a byte-level tokenizer cuts words, as GPT-2 does.</summary>
    private const string Words = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public delegate IEnumerable<string> Step(string text, bool first);

    public static Step Read(JsonReader? preTokenizer)
    {
        if (preTokenizer is null)
            return (text, _) => [text];
        switch (preTokenizer.Required("type").Text())
        {
            case "Sequence":
                var steps = preTokenizer.Required("pretokenizers").Items().Select(Read).ToList();
                return (text, first) => steps.Aggregate((IEnumerable<string>)[text],
                    (pieces, step) => pieces.SelectMany((piece, i) => step(piece, first && i == 0)).ToList());
            case "ByteLevel":
                return ByteLevel(preTokenizer);
            case "Split":
                return Split(preTokenizer);
            case "Digits":
                var digits = new Regex(preTokenizer.Child("individual_digits")?.Flag() == true ? @"\p{Nd}" : @"\p{Nd}+");
                return (text, _) => Cut(text, digits).Select(part => part.Text);
            case "Metaspace":
                return Metaspace(preTokenizer);
            case var other:
                throw preTokenizer.Required("type").Bad(
                    $"\"{other}\" is not supported; use Sequence, ByteLevel, Split, Digits or Metaspace.");
        }
    }

    private static Step ByteLevel(JsonReader step)
    {
        var prefix = step.Child("add_prefix_space")?.Flag() ?? true;
        var words = step.Child("use_regex")?.Flag() ?? true ? new Regex(Words, RegexOptions.CultureInvariant) : null;
        return (text, _) =>
        {
            if (prefix && !text.StartsWith(' '))
                text = " " + text;
            return (words is null ? [text] : Cut(text, words).Select(part => part.Text)).Select(ByteAlphabet.Write);
        };
    }

    private static Step Split(JsonReader step)
    {
        var pattern = TextNormalizer.Pattern(step.Required("pattern"));
        var invert = step.Child("invert")?.Flag() ?? false;
        switch (step.Required("behavior").Text())
        {
            case "Isolated":
                return (text, _) => Cut(text, pattern).Select(part => part.Text);
            case "Removed":
                return (text, _) => Cut(text, pattern).Where(part => part.Matched == invert).Select(part => part.Text);
            case "MergedWithPrevious":
                return (text, _) => MergedWithPrevious(Cut(text, pattern), invert);
            case var other:
                throw step.Required("behavior")
                    .Bad($"\"{other}\" is not supported; use Isolated, Removed or MergedWithPrevious.");
        }
    }

    private static Step Metaspace(JsonReader step)
    {
        var replacement = step.Child("replacement")?.Text() ?? "▁";
        var split = step.Child("split")?.Flag() ?? true;
        // Older files say add_prefix_space where newer ones say prepend_scheme.
        var scheme = step.Child("prepend_scheme")?.Text()
            ?? (step.Child("add_prefix_space")?.Flag() == false ? "never" : "always");
        if (scheme is not ("always" or "first" or "never"))
            throw step.Required("prepend_scheme").Bad($"\"{scheme}\" is not supported; use always, first or never.");
        var words = new Regex($"(?={Regex.Escape(replacement)})");
        return (text, first) =>
        {
            text = text.Replace(" ", replacement, StringComparison.Ordinal);
            if ((scheme == "always" || scheme == "first" && first) && !text.StartsWith(replacement, StringComparison.Ordinal))
                text = replacement + text;
            return split ? words.Split(text).Where(piece => piece.Length > 0) : [text];
        };
    }

    private static IEnumerable<string> MergedWithPrevious(IEnumerable<(string Text, bool Matched)> parts, bool invert)
    {
        var pieces = new List<string>();
        var open = false;
        foreach (var (text, matched) in parts)
        {
            if (matched != invert && open)
                pieces[^1] += text;
            else
                pieces.Add(text);
            open = matched == invert;
        }
        return pieces;
    }

    /// <summary>
    /// Cuts a text at every match. .NET matches UTF-16 units where the files mean characters, so a character beyond U+FFFF is
    /// matched as one of the same category below it.
    /// </summary>
    private static IEnumerable<(string Text, bool Matched)> Cut(string text, Regex pattern)
    {
        if (text.Length == 0)
            yield break;
        var wide = text.Any(char.IsSurrogate);
        var runes = wide ? text.EnumerateRunes().ToArray() : [];
        var shadow = wide ? string.Concat(runes.Select(Shadow)) : text;
        string Slice(int from, int to) => wide ? string.Concat(runes[from..to]) : text[from..to];

        var end = 0;
        foreach (Match match in pattern.Matches(shadow))
        {
            if (match.Length == 0)
                continue;
            if (match.Index > end)
                yield return (Slice(end, match.Index), false);
            end = match.Index + match.Length;
            yield return (Slice(match.Index, end), true);
        }
        if (end < shadow.Length)
            yield return (Slice(end, shadow.Length), false);
    }

    private static char Shadow(Rune rune) => rune.IsBmp ? (char)rune.Value : Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter => 'À',
        UnicodeCategory.LowercaseLetter => 'à',
        UnicodeCategory.ModifierLetter => 'ʰ',
        UnicodeCategory.OtherLetter => 'ƻ',
        UnicodeCategory.NonSpacingMark => '\u0300',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.DecimalDigitNumber => '٠',
        UnicodeCategory.LetterNumber => 'Ⅰ',
        UnicodeCategory.OtherNumber => '²',
        UnicodeCategory.OtherPunctuation => '§',
        UnicodeCategory.MathSymbol => '±',
        UnicodeCategory.Format => '\u200B',
        _ => '©',
    };
}
