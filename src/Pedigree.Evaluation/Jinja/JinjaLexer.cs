using System.Globalization;
using System.Text.RegularExpressions;

namespace Pedigree.Evaluation.Jinja;

internal enum JinjaTokenKind
{
    Data, BlockBegin, BlockEnd, VariableBegin, VariableEnd, Name, Text, Whole, Number, Operator, End,
}

internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Text, int Line)
{
    public bool Is(string name) => Kind is JinjaTokenKind.Name or JinjaTokenKind.Operator && Text == name;
}

/// <summary>Cuts a template into data and the tokens of its tags, white space control included.</summary>
internal sealed partial class JinjaLexer
{
    private readonly string _source;
    private readonly JinjaSettings _settings;
    private readonly List<JinjaToken> _tokens = [];
    private int _at, _line = 1;
    private bool _lineStarts = true;

    private JinjaLexer(string source, JinjaSettings settings)
    {
        source = source.ReplaceLineEndings("\n");
        _source = !settings.KeepTrailingNewline && source.EndsWith('\n') ? source[..^1] : source;
        _settings = settings;
    }

    public static IReadOnlyList<JinjaToken> Cut(string source, JinjaSettings settings)
    {
        var lexer = new JinjaLexer(source, settings);
        while (lexer._at < lexer._source.Length)
            lexer.Section();
        lexer.Add(JinjaTokenKind.End, "");
        return lexer._tokens;
    }

    /// <summary>The tokens of one expression without braces around it.</summary>
    public static IReadOnlyList<JinjaToken> CutExpression(string source)
    {
        var lexer = new JinjaLexer(source, JinjaSettings.Task);
        while (lexer._at < lexer._source.Length)
            lexer.Next();
        lexer.Add(JinjaTokenKind.End, "");
        return lexer._tokens;
    }

    private void Section()
    {
        var open = Open().Match(_source, _at);
        var data = _source[_at..(open.Success ? open.Index : _source.Length)];
        if (!open.Success)
        {
            AddData(data);
            _at = _source.Length;
            return;
        }
        var (kind, sign) = (open.Value[1], open.Groups[1].Value);
        AddData(sign == "-" ? data.TrimEnd() : kind != '{' && sign != "+" && _settings.LstripBlocks ? Lstrip(data) : data);
        _line += data.Count(character => character == '\n');
        _at = open.Index + open.Length;
        if (kind == '#')
            Comment();
        else if (kind == '%' && RawBegin().Match(_source, _at) is { Success: true } raw)
            Raw(raw);
        else
            Tag(kind == '%');
    }

    private string Lstrip(string data)
    {
        var start = data.LastIndexOf('\n') + 1;
        return (start > 0 || _lineStarts) && data[start..].All(char.IsWhiteSpace) ? data[..start] : data;
    }

    private void Comment()
    {
        var close = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (close < 0)
            throw new JinjaException("{# without #}", _line);
        _line += _source[_at..close].Count(character => character == '\n');
        var sign = close > _at ? _source[close - 1] : ' ';
        _at = close + 2;
        AfterTag(sign, block: true);
    }

    private void Raw(Match begin)
    {
        var end = RawEnd().Match(_source, begin.Index + begin.Length);
        if (!end.Success)
            throw new JinjaException("{% raw %} without {% endraw %}", _line);
        _at = begin.Index + begin.Length;
        AfterTag(begin.Groups[1].Value is [var sign] ? sign : ' ', block: true);
        var data = _at < end.Index ? _source[_at..end.Index] : "";
        AddData(end.Groups[1].Value == "-" ? data.TrimEnd() : _settings.LstripBlocks ? Lstrip(data) : data);
        _line += data.Count(character => character == '\n');
        _at = end.Index + end.Length;
        AfterTag(end.Groups[2].Value is [var last] ? last : ' ', block: true);
    }

    private void Tag(bool block)
    {
        Add(block ? JinjaTokenKind.BlockBegin : JinjaTokenKind.VariableBegin, "");
        var close = block ? "%}" : "}}";
        var (opened, depth) = (_line, 0);
        while (true)
        {
            Skip();
            if (_at >= _source.Length)
                throw new JinjaException(block ? "{% without %}" : "{{ without }}", opened);
            var sign = _source[_at] is '-' or '+' && string.CompareOrdinal(_source, _at + 1, close, 0, 2) == 0
                ? _source[_at]
                : ' ';
            if (depth == 0 && (sign != ' ' || string.CompareOrdinal(_source, _at, close, 0, 2) == 0))
            {
                Add(block ? JinjaTokenKind.BlockEnd : JinjaTokenKind.VariableEnd, "");
                _at += sign == ' ' ? 2 : 3;
                AfterTag(sign, block);
                return;
            }
            Next();
            if (_tokens[^1].Kind == JinjaTokenKind.Operator)
                depth += _tokens[^1].Text switch { "(" or "[" or "{" => 1, ")" or "]" or "}" => -1, _ => 0 };
        }
    }

    private void AfterTag(char sign, bool block)
    {
        var from = _at;
        if (sign == '-')
        {
            Skip();
        }
        else if (block && sign != '+' && _settings.TrimBlocks && _at < _source.Length && _source[_at] == '\n')
        {
            _at++;
            _line++;
        }
        _lineStarts = _at > from && _source[_at - 1] == '\n';
    }

    private void Skip()
    {
        for (; _at < _source.Length && char.IsWhiteSpace(_source[_at]); _at++)
            _line += _source[_at] == '\n' ? 1 : 0;
    }

    private void Next()
    {
        Skip();
        if (_at >= _source.Length)
            return;
        var match = Token().Match(_source, _at);
        if (!match.Success)
            throw new JinjaException($"'{_source[_at]}' is no part of an expression", _line);
        var text = match.Value;
        if (match.Groups["text"].Success)
            Add(JinjaTokenKind.Text, Unescape(text[1..^1]));
        else if (match.Groups["number"].Success)
            Add(text.AsSpan().IndexOfAny('.', 'e', 'E') >= 0
                ? JinjaTokenKind.Number
                : JinjaTokenKind.Whole, text.Replace("_", "", StringComparison.Ordinal));
        else
            Add(match.Groups["name"].Success ? JinjaTokenKind.Name : JinjaTokenKind.Operator, text);
        _line += text.Count(character => character == '\n');
        _at += match.Length;
    }

    private void AddData(string data)
    {
        if (data.Length > 0)
            Add(JinjaTokenKind.Data, data);
    }

    private void Add(JinjaTokenKind kind, string text) => _tokens.Add(new JinjaToken(kind, text, _line));

    /// <summary>Python's escapes; what is none keeps its backslash.</summary>
    private static string Unescape(string text) => Escape().Replace(text, match =>
    {
        var body = match.Value[1..];
        return body[0] switch
        {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'a' => "\a",
            'b' => "\b",
            'f' => "\f",
            'v' => "\v",
            '\n' => "",
            '\\' or '\'' or '"' => body,
            'x' or 'u' or 'U' when body.Length > 1 =>
                CodePoint(int.Parse(body.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)),
            >= '0' and <= '7' => ((char)Convert.ToInt32(body, 8)).ToString(),
            _ => match.Value,
        };
    });

    private static string CodePoint(int value) =>
        value is >= 0x10000 and <= 0x10FFFF ? char.ConvertFromUtf32(value) : ((char)value).ToString();

    [GeneratedRegex(@"\{[{%#]([-+]?)")]
    private static partial Regex Open();

    [GeneratedRegex(@"\G\s*raw\s*([-+]?)%\}")]
    private static partial Regex RawBegin();

    [GeneratedRegex(@"\{%([-+]?)\s*endraw\s*([-+]?)%\}")]
    private static partial Regex RawEnd();

    [GeneratedRegex("""\G(?:(?<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?<number>[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)|(?<name>[\p{L}_][\p{L}\p{Nd}_]*)|\*\*|//|==|!=|<=|>=|[-+*/%~|.,:;()\[\]{}<>=])""", RegexOptions.Singleline)]
    private static partial Regex Token();

    [GeneratedRegex(@"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)", RegexOptions.Singleline)]
    private static partial Regex Escape();
}
