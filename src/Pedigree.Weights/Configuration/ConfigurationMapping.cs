using System.Text.Json.Nodes;

namespace Pedigree.Weights.Configuration;

/// <summary>
/// A mapping of keys to values, in the order written. Whoever reads it asks for every key that may be there and then calls
/// <see cref="RefuseUnknownKeys"/>, so that no misspelt key is passed over in silence.
/// </summary>
public sealed class ConfigurationMapping : ConfigurationNode
{
    private readonly Dictionary<string, ConfigurationNode> _byKey;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    internal ConfigurationMapping(ConfigurationPlace at, IReadOnlyList<KeyValuePair<string, ConfigurationNode>> members)
        : base(at)
    {
        Members = members;
        _byKey = new(members, StringComparer.Ordinal);
    }

    /// <summary>
    /// Every key with its value, in the order written; for mappings whose keys are names that the user chooses.
    /// </summary>
    public IReadOnlyList<KeyValuePair<string, ConfigurationNode>> Members { get; }

    /// <summary>The value of a key, or null where the key is absent or its value is null.</summary>
    public ConfigurationNode? Optional(string key)
    {
        _known.Add(key);
        return _byKey.TryGetValue(key, out var node) && !node.IsNull ? node : null;
    }

    /// <summary>The value of a key.</summary>
    /// <exception cref="BadInputException">The key is absent or its value is null.</exception>
    public ConfigurationNode Required(string key)
    {
        if (Optional(key) is { } node)
            return node;
        if (_byKey.TryGetValue(key, out var empty))
            throw empty.Error("must have a value");
        var near = Nearest.To(key, Members.Select(member => member.Key).Where(other => !_known.Contains(other)));
        throw Error($"must have the key `{key}`"
            + (near is null ? "" : $"; is that what `{near}` at line {_byKey[near].At.Line} should be called?"));
    }

    /// <summary>The text of a key.</summary>
    public string RequiredString(string key) => Required(key).AsString();

    /// <summary>The text of a key, or null.</summary>
    public string? OptionalString(string key) => Optional(key)?.AsString();

    /// <summary>The finite number of a key, or null.</summary>
    public double? OptionalNumber(string key) => Optional(key)?.AsNumber();

    /// <summary>The whole number of a key, or null.</summary>
    public long? OptionalInteger(string key) => Optional(key)?.AsInteger();

    /// <summary>The boolean of a key, or null.</summary>
    public bool? OptionalBoolean(string key) => Optional(key)?.AsBoolean();

    /// <summary>The mapping of a key.</summary>
    public ConfigurationMapping RequiredMapping(string key) => Required(key).AsMapping();

    /// <summary>The mapping of a key, or null.</summary>
    public ConfigurationMapping? OptionalMapping(string key) => Optional(key)?.AsMapping();

    /// <summary>The items of a key's list.</summary>
    public IReadOnlyList<ConfigurationNode> RequiredSequence(string key) => Required(key).AsSequence().Items;

    /// <summary>The items of a key's list, or null.</summary>
    public IReadOnlyList<ConfigurationNode>? OptionalSequence(string key) => Optional(key)?.AsSequence().Items;

    /// <summary>Refuses the first key that nobody has asked for, with the nearest one that somebody has.</summary>
    /// <param name="instead">What to say of a key instead; null: nothing.</param>
    /// <param name="free">What keys begin with that nobody need ask for: they hold anchors; null: there are none.</param>
    /// <exception cref="BadInputException">There is such a key.</exception>
    public void RefuseUnknownKeys(Func<string, string?>? instead = null, string? free = null)
    {
        foreach (var (key, node) in Members)
        {
            if (_known.Contains(key) || (free is not null && key.StartsWith(free, StringComparison.Ordinal)))
                continue;
            throw node.Error($"unknown key `{key}` at line {node.At.Line}; "
                + (instead?.Invoke(key) ?? (Nearest.To(key, _known) is { } near
                    ? $"did you mean `{near}`?"
                    : _known.Count == 0 ? "no key is known here"
                    : $"known here: {string.Join(", ", _known.Order(StringComparer.Ordinal).Select(known => $"`{known}`"))}"
                        + (free is null ? "" : $"; one that only holds anchors begins with `{free}`"))));
        }
    }

    /// <summary>These members, and those of another mapping that are not among them.</summary>
    public ConfigurationMapping Over(ConfigurationMapping other) =>
        new(At, [.. Members, .. other.Members.Where(member => !_byKey.ContainsKey(member.Key))]);

    /// <summary>All members but one.</summary>
    public ConfigurationMapping Without(string key) => new(At, [.. Members.Where(member => member.Key != key)]);

    /// <inheritdoc/>
    public override JsonObject ToJson() => new(Members.Select(member => KeyValuePair.Create(member.Key, member.Value.ToJson())));
}
