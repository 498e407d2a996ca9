using System.Globalization;
using System.Text;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// Unicode's normalization forms (Unicode Standard Annex 15). .NET leaves them to the ICU library, which a bare machine lacks and
/// this program therefore does not use; the tables are in Unicode/normalization.txt.
/// </summary>
internal static class UnicodeNormalization
{
    /// <summary>A character's entry: where it goes among marks, and what it is made of.</summary>
    private sealed record Entry(int Order, int[] Parts, bool IsCompatibility);

    /// <summary>
    /// Syllables of Hangul follow from arithmetic: their first, and the first leading consonant, vowel and final consonant.
    /// </summary>
    private const int Syllable = 0xAC00,
        Lead = 0x1100,
        Vowel = 0x1161,
        Tail = 0x11A7,
        Vowels = 21,
        Tails = 28,
        Syllables = 19 * Vowels * Tails;

    private static readonly Lazy<(Dictionary<int, Entry> Entries, Dictionary<(int, int), int> Pairs)> Tables = new(Read);

    /// <summary>A text in a form. Half a surrogate pair becomes U+FFFD.</summary>
    public static string Normalize(string text, NormalizationForm form)
    {
        var (composes, compatibility) = (form is NormalizationForm.FormC
            or NormalizationForm.FormKC, form is NormalizationForm.FormKC or NormalizationForm.FormKD);
        // The first character that is not as it should be already, or takes part in something that is not, is
        // U+0300; of ASCII none is.
        var plain = form == NormalizationForm.FormC ? '\u0300' : '\u0080';
        if (text.AsSpan().IndexOfAnyExceptInRange('\0', (char)(plain - 1)) < 0)
            return text;
        var codes = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, compatibility, codes);
        Sort(codes);
        if (composes)
            Compose(codes);
        var result = new StringBuilder(text.Length);
        foreach (var code in codes)
            result.Append(char.ConvertFromUtf32(code));
        return result.ToString();
    }

    private static void Decompose(int code, bool compatibility, List<int> codes)
    {
        if (code is >= Syllable and < Syllable + Syllables)
        {
            var number = code - Syllable;
            codes.AddRange([Lead + number / (Vowels * Tails), Vowel + number / Tails % Vowels]);
            if (number % Tails > 0)
                codes.Add(Tail + number % Tails);
        }
        else if (Tables.Value.Entries.GetValueOrDefault(code) is { Parts.Length: > 0 } entry
            && (compatibility || !entry.IsCompatibility))
        {
            foreach (var part in entry.Parts)
                Decompose(part, compatibility, codes);
        }
        else
        {
            codes.Add(code);
        }
    }

    /// <summary>Puts the marks of each character in order; those of one class stay as they are.</summary>
    private static void Sort(List<int> codes)
    {
        for (var i = 0; i < codes.Count;)
        {
            var start = i;
            while (i < codes.Count && Order(codes[i]) > 0)
                i++;
            if (i - start > 1)
            {
                var sorted = codes.Skip(start).Take(i - start).OrderBy(Order).ToList();
                for (var place = 0; place < sorted.Count; place++)
                    codes[start + place] = sorted[place];
            }
            if (i == start)
                i++;
        }
    }

    /// <summary>
    /// Joins each mark to the last character that is none, where the two are one character and no mark between is in the way.
    /// </summary>
    private static void Compose(List<int> codes)
    {
        var (kept, starter, last) = (0, -1, 0);
        for (var i = 0; i < codes.Count; i++)
        {
            var (code, order) = (codes[i], Order(codes[i]));
            // The way is free where nothing lies between, or marks of lower classes alone.
            if (starter >= 0 && (kept == starter + 1 || last < order) && Pair(codes[starter], code) is { } joined)
            {
                codes[starter] = joined;
                continue;
            }
            if (order == 0)
                starter = kept;
            last = order;
            codes[kept++] = code;
        }
        codes.RemoveRange(kept, codes.Count - kept);
    }

    private static int? Pair(int first, int second)
    {
        if (first is >= Lead and < Lead + 19 && second is >= Vowel and < Vowel + Vowels)
            return Syllable + ((first - Lead) * Vowels + second - Vowel) * Tails;
        if (first is >= Syllable and < Syllable + Syllables
            && (first - Syllable) % Tails == 0
            && second is > Tail and < Tail + Tails)
            return first + second - Tail;
        return Tables.Value.Pairs.TryGetValue((first, second), out var joined) ? joined : null;
    }

    private static int Order(int code) => code < 0x300 ? 0 : Tables.Value.Entries.GetValueOrDefault(code)?.Order ?? 0;

    private static (Dictionary<int, Entry>, Dictionary<(int, int), int>) Read()
    {
        var (entries, pairs) = (new Dictionary<int, Entry>(), new Dictionary<(int, int), int>());
        using var reader =
            new StreamReader(typeof(UnicodeNormalization).Assembly.GetManifestResourceStream("normalization.txt")!);
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split(',');
            var code = Hexadecimal(fields[0]);
            var parts = fields[2].TrimStart('~', '!');
            var entry = new Entry(fields[1].Length > 0 ? int.Parse(fields[1], CultureInfo.InvariantCulture) : 0,
                parts.Length > 0 ? [.. parts.Split(' ').Select(Hexadecimal)] : [], fields[2].StartsWith('~'));
            entries[code] = entry;
            if (entry.Parts.Length == 2 && !fields[2].StartsWith('~') && !fields[2].StartsWith('!'))
                pairs[(entry.Parts[0], entry.Parts[1])] = code;
        }
        return (entries, pairs);
    }

    private static int Hexadecimal(string digits) =>
        int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
