namespace Pedigree.Weights.Configuration;

/// <summary>
/// Where a value stands: its file, its path of keys (<c>merge.parameters.t[0]</c>), and its line and column from 1.
/// </summary>
public sealed record ConfigurationPlace(string File, string Path, int Line, int Column)
{
    internal string Member(string key) => Path.Length == 0 ? key : $"{Path}.{key}";

    internal string Item(int index) => $"{Path}[{index}]";

    internal BadInputException Error(string message) => new(File, ToString(), message);

    /// <summary>The path with line and column, as errors give it.</summary>
    public override string ToString() =>
        Path.Length == 0 ? $"line {Line}, column {Column}" : $"{Path} (line {Line}, column {Column})";
}
