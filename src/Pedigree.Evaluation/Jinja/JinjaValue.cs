using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pedigree.Evaluation.Jinja;

/// <summary>JSON as the values that templates see.</summary>
internal static class JinjaValue
{
    /// <summary>The members of an object, by name.</summary>
    public static IReadOnlyDictionary<string, object?> Variables(JsonObject fields) =>
        fields.ToDictionary(field => field.Key, field => FromJson(field.Value), StringComparer.Ordinal);

    public static object? FromJson(JsonNode? node)
    {
        switch (node)
        {
            case null:
                return null;
            case JsonArray items:
                return items.Select(FromJson).ToList();
            case JsonObject members:
                var pairs = new OrderedDictionary<object, object?>();
                foreach (var (key, value) in members)
                    pairs[key] = FromJson(value);
                return pairs;
        }
        // One return a type: a conditional would turn them all into one.
        switch (node.GetValueKind())
        {
            case JsonValueKind.String:
                return node.GetValue<string>();
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                if (node.AsValue().TryGetValue<long>(out var whole))
                    return whole;
                return node.GetValue<double>();
        }
    }
}
