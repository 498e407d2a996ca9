using Pedigree.Weights.Configuration;

namespace Pedigree.Evaluation.Tasks;

/// <summary>Reads filter_list.</summary>
internal static class FilterFile
{
    public static IReadOnlyList<FilterSettings> Read(IReadOnlyList<ConfigurationNode>? list)
    {
        var filters = (list ?? []).Select(node =>
        {
            var entry = node.AsMapping();
            var filter = new FilterSettings(entry.RequiredString("name"), [.. entry.RequiredSequence("filter").Select(Step)]);
            entry.RefuseUnknownKeys();
            return filter;
        }).ToList();
        if (filters.DistinctBy(filter => filter.Name).Count() < filters.Count)
            throw list![0].Error("must have each name once");
        return filters.Count > 0 ? filters : [new FilterSettings("none", [])];
    }

    private static Func<string, string> Step(ConfigurationNode node)
    {
        var step = node.AsMapping();
        var function = step.Required("function");
        Func<string, string> result;
        switch (function.AsString())
        {
            // Outputs are greedy: however often the model is asked, all are alike, so that the first, the most
            // frequent and any are one.
            case "take_first" or "majority_vote":
                result = text => text;
                break;
            case "take_first_k":
                TaskFile.Whole(step, "k", 1);
                result = text => text;
                break;
            case "remove_whitespace":
                result = text => text.Trim();
                break;
            case "lowercase":
                result = text => text.ToLowerInvariant();
                break;
            case "uppercase":
                result = text => text.ToUpperInvariant();
                break;
            case "regex":
                result = Extract(step);
                break;
            case "map":
                result = Map(step);
                break;
            case var other:
                throw function.Error($"\"{other}\" is not supported; use regex, map, take_first, take_first_k, "
                    + "majority_vote, remove_whitespace, lowercase or uppercase");
        }
        step.RefuseUnknownKeys();
        return result;
    }

    /// <summary>
    /// The match number group_select (from the end where negative): whole, or its only group, or the first of its groups that is
    /// not empty; trimmed. Where nothing matches, the fallback.
    /// </summary>
    private static Func<string, string> Extract(ConfigurationMapping step)
    {
        var pattern = TaskFile.Pattern(step.Required("regex_pattern"));
        var select = (int)(step.OptionalInteger("group_select") ?? 0);
        var fallback = step.OptionalString("fallback") ?? "[invalid]";
        return text =>
        {
            var matches = pattern.Matches(text);
            var place = select < 0 ? matches.Count + select : select;
            if (place < 0 || place >= matches.Count)
                return fallback;
            var groups = matches[place].Groups.Values.Select(group => group.Value).ToList();
            var found = groups.Count <= 2 ? groups[^1] : groups.Skip(1).FirstOrDefault(group => group.Length > 0);
            return found?.Trim() ?? fallback;
        };
    }

    private static Func<string, string> Map(ConfigurationMapping step)
    {
        var values = step.RequiredMapping("mapping_dict").Members
            .ToDictionary(member => member.Key, member => Text(member.Value));
        var otherwise = step.Optional("default_value") is { } node ? Text(node) : "None";
        return text => values.GetValueOrDefault(text, otherwise);
    }

    private static string Text(ConfigurationNode node) => Jinja.PythonValue.Text(Jinja.JinjaValue.FromJson(node.ToJson()));
}
