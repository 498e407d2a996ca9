using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Models;

/// <summary>Typed access to the fields of one object of config.json; a field of another type is an error that names it.</summary>
internal sealed class ConfigFields(JsonObject values, string file, string prefix)
{
    public bool Has(string name) => values.ContainsKey(name);

    public ConfigFields? Inner(string name) => values[name] switch
    {
        null => null,
        JsonObject inner => new ConfigFields(inner, file, $"{prefix}{name}."),
        _ => throw Bad(name, "must be an object"),
    };

    public string? Text(string name) => Value(name, JsonValueKind.String)?.GetValue<string>();

    public bool? Flag(string name) => values[name] is null ? null : values[name]!.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Bad(name, "must be true or false"),
    };

    public double? Number(string name) => Value(name, JsonValueKind.Number) is { } value ? Number(value) : null;

    public int? Count(string name, int most = int.MaxValue) => Number(name) is not { } number ? null
        : number >= 1 && number <= most && number == Math.Floor(number) ? (int)number
        : throw Bad(name, $"is {number.ToString(CultureInfo.InvariantCulture)} and must be a positive "
            + $"whole number{(most < int.MaxValue ? $", at most {most}" : "")}");

    public int RequiredCount(string name, int most = int.MaxValue) =>
        Count(name, most) ?? throw Bad(name, "is missing; a positive whole number would be right");

    public double? Positive(string name) => Number(name) is not { } number ? null
        : number > 0 && double.IsFinite(number) ? number : throw Bad(name, "must be a number above 0");

    public double RequiredNumber(string name) => Number(name) ?? throw Bad(name, "is missing; a number would be right");

    public IReadOnlyList<double> RequiredNumbers(string name, int count) =>
        values[name] is JsonArray list && list.Count == count && list.All(item => item?.GetValueKind() == JsonValueKind.Number)
            ? [.. list.Select(item => Number(item!))] : throw Bad(name, $"must be a list of {count} numbers");

    public IReadOnlyList<string>? Texts(string name, int count) => values[name] switch
    {
        null => null,
        JsonArray list when list.Count == count && list.All(item => item?.GetValueKind() == JsonValueKind.String) =>
            [.. list.Select(item => item!.GetValue<string>())],
        _ => throw Bad(name, $"must be a list of {count} texts"),
    };

    public BadInputException Bad(string name, string message) => new(file, prefix + name, message);

    private static double Number(JsonNode value) =>
        double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);

    private JsonNode? Value(string name, JsonValueKind kind) => values[name] is not { } value ? null
        : value.GetValueKind() == kind ? value
        : throw Bad(name, $"must be a {kind.ToString().ToLowerInvariant()}");
}
