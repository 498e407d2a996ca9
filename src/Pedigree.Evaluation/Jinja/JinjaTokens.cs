namespace Pedigree.Evaluation.Jinja;

/// <summary>The tokens of a template, read from left to right.</summary>
internal sealed class JinjaTokens(IReadOnlyList<JinjaToken> tokens)
{
    private int _at;

    public JinjaToken Current => tokens[_at];

    public JinjaToken Following => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public JinjaToken Take() => tokens[_at].Kind == JinjaTokenKind.End ? tokens[_at] : tokens[_at++];

    /// <summary>Takes the current token if it is that name or operator.</summary>
    public bool Takes(string text)
    {
        if (!Current.Is(text))
            return false;
        _at++;
        return true;
    }

    public void Expect(string text)
    {
        if (!Takes(text))
            throw Unexpected($"`{text}`");
    }

    public JinjaToken Expect(JinjaTokenKind kind, string what) => Current.Kind == kind ? Take() : throw Unexpected(what);

    public string Name() => Expect(JinjaTokenKind.Name, "a name").Text;

    public JinjaException Unexpected(string expected) => new(
        $"expected {expected}, not {(Current.Kind switch
        {
            JinjaTokenKind.End => "the end of the template",
            JinjaTokenKind.BlockEnd => "%}",
            JinjaTokenKind.VariableEnd => "}}",
            JinjaTokenKind.BlockBegin => "{%",
            JinjaTokenKind.VariableBegin => "{{",
            _ => $"`{Current.Text}`",
        })}", Current.Line);
}
