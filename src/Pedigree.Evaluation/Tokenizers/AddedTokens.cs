using System.Text.RegularExpressions;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>A token that is found in the text before anything else is done to it.</summary>
/// <param name="Text">What it looks like.</param>
/// <param name="Id">Its id.</param>
/// <param name="Special">Leaves no trace in decoded text.</param>
/// <param name="Normalized">Is looked for after normalization rather than before.</param>
/// <param name="Left">Takes the white space to its left.</param>
/// <param name="Right">Takes the white space to its right.</param>
internal sealed record AddedToken(string Text, int Id, bool Special, bool Normalized, bool Left, bool Right);

/// <summary>Cuts texts at added tokens, the longest first where two begin at the same place.</summary>
internal sealed class AddedTokens
{
    private readonly Regex? pattern;
    private readonly List<AddedToken> tokens;

    public AddedTokens(IEnumerable<AddedToken> added)
    {
        tokens = [.. added.Where(token => token.Text.Length > 0).OrderByDescending(token => token.Text.Length)];
        if (tokens.Count > 0)
            pattern = new Regex(
                string.Join('|', tokens.Select(token =>
                    $"{(token.Left ? @"\s*" : "")}{Regex.Escape(token.Text)}{(token.Right ? @"\s*" : "")}")),
                RegexOptions.CultureInvariant);
    }

    public IEnumerable<(string Text, int? Id)> Cut(string text)
    {
        var end = 0;
        foreach (var match in pattern?.Matches(text).AsEnumerable() ?? [])
        {
            if (match.Index > end)
                yield return (text[end..match.Index], null);
            end = match.Index + match.Length;
            yield return (match.Value, tokens.First(token => match.Value.Contains(token.Text, StringComparison.Ordinal)).Id);
        }
        if (end < text.Length)
            yield return (text[end..], null);
    }
}
