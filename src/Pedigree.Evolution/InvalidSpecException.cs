namespace Pedigree.Evolution;

/// <summary>A spec that cannot be run: names the field and what would be right.</summary>
public sealed class InvalidSpecException(string field, string message) : Exception($"{field}: {message}")
{
    /// <summary>The key at fault, as in <c>strategy.k</c>.</summary>
    public string Field { get; } = field;

    /// <summary>What would be right.</summary>
    public string Reason { get; } = message;
}
