using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Pedigree.Weights.Configuration;

/// <summary>A scalar, resolved by the core schema of YAML 1.2 (section 10.3.2), of which JSON's scalars are a part.</summary>
public sealed partial class ConfigurationScalar : ConfigurationNode
{
    internal ConfigurationScalar(ConfigurationPlace at, string text, bool plain, string? tag = null) : base(at)
    {
        Text = text;
        Plain = plain;
        Tag = tag;
        Value = plain ? Resolve(text) : text;
    }

    /// <summary>The text as written, without quotes.</summary>
    public string Text { get; }

    /// <summary>A string, long, double, bool or null.</summary>
    public object? Value { get; }

    /// <summary>The tag before the text, where the reader allowed it; null for none.</summary>
    public string? Tag { get; }

    /// <summary>The value as it would be without quotes.</summary>
    internal object? Unquoted => Tag is null ? Resolve(Text.Trim()) : Value;

    /// <inheritdoc/>
    public override bool IsNull => Value is null;

    internal bool Plain { get; }

    /// <inheritdoc/>
    public override JsonNode? ToJson() => Value switch
    {
        null => null,
        bool value => JsonValue.Create(value),
        long value => JsonValue.Create(value),
        double value => double.IsFinite(value) ? JsonValue.Create(value) : throw Error("must be a finite number"),
        _ => JsonValue.Create(Tag is null ? Text : $"{Tag} {Text}"),
    };

    private static object? Resolve(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        ".nan" or ".NaN" or ".NAN" => double.NaN,
        ".inf" or ".Inf" or ".INF" or "+.inf" or "+.Inf" or "+.INF" => double.PositiveInfinity,
        "-.inf" or "-.Inf" or "-.INF" => double.NegativeInfinity,
        _ => ResolveNumber(text) ?? text,
    };

    private static object? ResolveNumber(string text)
    {
        var invariant = CultureInfo.InvariantCulture;
        if (Octal().IsMatch(text))
            return Convert.ToInt64(text[2..], 8);
        if (Hexadecimal().IsMatch(text))
            return long.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, invariant);
        if (Whole().IsMatch(text) && long.TryParse(text, NumberStyles.AllowLeadingSign, invariant, out var whole))
            return whole;
        return Real().IsMatch(text) ? double.Parse(text, NumberStyles.Float, invariant) : null;
    }

    // At most 63 bits in the first two; longer runs of digits stay text.
    [GeneratedRegex(@"\A0o[0-7]{1,20}\z")]
    private static partial Regex Octal();

    [GeneratedRegex(@"\A0x[0-9a-fA-F]{1,15}\z")]
    private static partial Regex Hexadecimal();

    [GeneratedRegex(@"\A[-+]?[0-9]+\z")]
    private static partial Regex Whole();

    [GeneratedRegex(@"\A[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\z")]
    private static partial Regex Real();
}
