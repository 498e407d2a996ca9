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
    private readonly Regex? _pattern;
    private readonly Dictionary<string, AddedToken> _tokens = new(StringComparer.Ordinal);

    public AddedTokens(IEnumerable<AddedToken> added)
    {
        foreach (var token in added.Where(token => token.Text.Length > 0))
            _tokens.TryAdd(token.Text, token);
        if (_tokens.Count > 0)
            _pattern = new Regex(string.Join('|', _tokens.Keys.OrderByDescending(text => text.Length).Select(Regex.Escape)),
                RegexOptions.CultureInvariant);
    }

    public IEnumerable<(string Text, int? Id)> Cut(string text)
    {
        var end = 0;
        foreach (var match in _pattern?.Matches(text).AsEnumerable() ?? [])
        {
            var token = _tokens[match.Value];
            var start = match.Index;
            while (token.Left && start > end && char.IsWhiteSpace(text[start - 1]))
                start--;
            if (start > end)
                yield return (text[end..start], null);
            end = match.Index + match.Length;
            while (token.Right && end < text.Length && char.IsWhiteSpace(text[end]))
                end++;
            yield return (match.Value, token.Id);
        }
        if (end < text.Length)
            yield return (text[end..], null);
    }
}
