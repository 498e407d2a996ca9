using System.Text.Json.Nodes;

namespace Pedigree.Weights.Configuration;

/// <summary>A value in a configuration: a scalar, a sequence or a mapping.</summary>
public abstract class ConfigurationNode(ConfigurationPlace at)
{
    // Above it float64 does not have every whole number.
    private const double LargestWhole = 1L << 53;

    /// <summary>Where it stands.</summary>
    public ConfigurationPlace At { get; } = at;

    /// <summary>Where it stands, as errors give it.</summary>
    public string Place => At.ToString();

    /// <summary>Whether it is YAML's null: <c>null</c>, <c>~</c> or nothing at all.</summary>
    public virtual bool IsNull => false;

    /// <summary>An error about this value; <paramref name="message"/> says what would be right.</summary>
    public BadInputException Error(string message) => At.Error(message);

    /// <summary>This mapping.</summary>
    /// <exception cref="BadInputException">It is none.</exception>
    public ConfigurationMapping AsMapping() => this as ConfigurationMapping ?? throw Error("must be a mapping of keys to values");

    /// <summary>This sequence.</summary>
    /// <exception cref="BadInputException">It is none.</exception>
    public ConfigurationSequence AsSequence() => this as ConfigurationSequence ?? throw Error("must be a list");

    /// <summary>This text; a plain number, boolean or null is none unless quoted.</summary>
    /// <exception cref="BadInputException">It is none.</exception>
    public string AsString() => this is ConfigurationScalar { Value: string text, Tag: null } ? text
        : this is ConfigurationScalar { Tag: { } tag } ? throw Error($"must not have the tag `{tag}`")
        : throw Error(this is ConfigurationScalar { IsNull: false } ? "must be text; put it in quotes" : "must be text");

    /// <summary>This finite number, which may be in quotes.</summary>
    /// <exception cref="BadInputException">It is none.</exception>
    public double AsNumber() => this is ConfigurationScalar scalar && scalar.Unquoted switch
    {
        double number => number,
        long whole => whole,
        _ => double.NaN,
    } is var value && double.IsFinite(value) ? value : throw Error("must be a finite number");

    /// <summary>This whole number, which may be in quotes.</summary>
    /// <exception cref="BadInputException">It is none, or too large for 64 bits.</exception>
    public long AsInteger() => (this as ConfigurationScalar)?.Unquoted switch
    {
        long whole => whole,
        double number when Math.Abs(number) <= LargestWhole && double.IsInteger(number) => (long)number,
        _ => throw Error("must be a whole number"),
    };

    /// <summary>
    /// This <c>true</c> or <c>false</c>, which may be in quotes, or one of the words for them of YAML 1.1: files are shared with
    /// programs that still read that.
    /// </summary>
    /// <exception cref="BadInputException">It is neither.</exception>
    public bool AsBoolean() => (this as ConfigurationScalar)?.Unquoted switch
    {
        bool value => value,
        "yes" or "Yes" or "YES" or "on" or "On" or "ON" => true,
        "no" or "No" or "NO" or "off" or "Off" or "OFF" => false,
        _ => throw Error("must be `true` or `false`"),
    };

    /// <summary>The same value as JSON, keys in their order, aliases written out.</summary>
    /// <exception cref="BadInputException">A number is infinite or not a number.</exception>
    public abstract JsonNode? ToJson();
}

/// <summary>A list.</summary>
public sealed class ConfigurationSequence : ConfigurationNode
{
    internal ConfigurationSequence(ConfigurationPlace at, IReadOnlyList<ConfigurationNode> items) : base(at) => Items = items;

    /// <summary>The items, in order.</summary>
    public IReadOnlyList<ConfigurationNode> Items { get; }

    /// <inheritdoc/>
    public override JsonNode ToJson() => new JsonArray([.. Items.Select(item => item.ToJson())]);
}
