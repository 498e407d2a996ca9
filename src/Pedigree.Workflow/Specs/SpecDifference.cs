using System.Text.Json.Nodes;
using Pedigree.Evolution;

namespace Pedigree.Workflow.Specs;

/// <summary>Where two specs differ.</summary>
public static class SpecDifference
{
    /// <summary>The first field that differs and both values; null where there is none.</summary>
    public static (string Field, string Left, string Right)? First(RunSpec left, RunSpec right) =>
        First("", Json(left), Json(right));

    private static JsonNode Json(RunSpec spec) => EventJson.ToJson(new RunStarted(spec))["spec"]!;

    private static (string, string, string)? First(string path, JsonNode? left, JsonNode? right)
    {
        if (JsonNode.DeepEquals(left, right))
            return null;
        if (left is JsonObject leftMembers && right is JsonObject rightMembers)
            return leftMembers.Select(member => member.Key).Union(rightMembers.Select(member => member.Key))
                .Select(key => First(path.Length == 0 ? key : $"{path}.{key}", leftMembers[key], rightMembers[key]))
                .First(difference => difference is not null);
        if (left is JsonArray leftItems && right is JsonArray rightItems && leftItems.Count == rightItems.Count)
            return leftItems.Select((item, index) => First($"{path}[{index}]", item, rightItems[index]))
                .First(difference => difference is not null);
        return (path, Text(left), Text(right));
    }

    private static string Text(JsonNode? value) => value?.ToJsonString(EventJson.Options) ?? "nothing";
}
