using System.Text.Json.Nodes;
using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>A group's YAML: tasks, and how their scores become one.</summary>
internal sealed record GroupDefinition(
    string Name,
    string Alias,
    string File,
    IReadOnlyList<ConfigurationNode> Members,
    IReadOnlyList<GroupMetric> Metrics,
    JsonNode? Version);

/// <summary>A metric of a group: the mean over its tasks, weighted by their rows if so said.</summary>
internal sealed record GroupMetric(string Name, bool WeightBySize, IReadOnlyList<string>? Filters);

/// <summary>Reads a group's YAML, with the harness's field names.</summary>
internal static class GroupFile
{
    public static GroupDefinition Read(ConfigurationMapping group)
    {
        var members = group.Required("task") is ConfigurationSequence list ? list.Items : [group.Required("task")];
        if (members.Count == 0)
            throw group.Required("task").Error("must have at least one task");
        IReadOnlyList<ConfigurationNode> aggregated = group.Optional("aggregate_metric_list") switch
        {
            null => throw group.Error("must have the key `aggregate_metric_list`, so that the group has a score"),
            ConfigurationMapping single => [single],
            var several => several.AsSequence().Items,
        };
        var metrics = aggregated.Select(Metric).ToList();
        if (metrics.Count == 0)
            throw group.Required("aggregate_metric_list").Error("must have at least one metric");
        var name = group.RequiredString("group");
        var version = group.OptionalMapping("metadata")?.Optional("version")?.ToJson();
        group.Optional("tag");
        var alias = group.OptionalString("group_alias") ?? name;
        group.RefuseUnknownKeys();
        return new GroupDefinition(name, alias, group.At.File, members, metrics, version);
    }

    private static GroupMetric Metric(ConfigurationNode node)
    {
        var entry = node.AsMapping();
        if (entry.Optional("aggregation") is { } aggregation && aggregation.AsString() != "mean")
            throw aggregation.Error("must be `mean`");
        IReadOnlyList<string>? filters = entry.Optional("filter_list") switch
        {
            null => null,
            ConfigurationSequence list => [.. list.Items.Select(item => item.AsString())],
            var single => [single.AsString()],
        };
        var metric = new GroupMetric(entry.RequiredString("metric"), entry.OptionalBoolean("weight_by_size") ?? true, filters);
        entry.RefuseUnknownKeys();
        return metric;
    }
}
