using System.Text;
using System.Text.Json.Nodes;

namespace Pedigree.Weights.Merging;

/// <summary>
/// A child's <c>README.md</c>: front matter as the hub reads it, whom the child descends from, and what was noticed.
/// </summary>
internal static class ModelCard
{
    /// <param name="recipe">How the child was made.</param>
    /// <param name="small">What the parents are called, and whom they descend from.</param>
    /// <param name="warnings">What is wrong with it.</param>
    public static string Of(MergeRecipe recipe, SmallFiles small, IReadOnlyList<string> warnings)
    {
        StringBuilder text = new("---\n");
        // The hub takes ids only: a folder would make it refuse the card.
        if (small.HubIds.Count > 0)
            text.Append($"base_model:\n{string.Concat(small.HubIds.Select(id => $"- {JsonValue.Create(id).ToJsonString()}\n"))}");
        text.Append("library_name: transformers\ntags:\n- merge\n- mergekit\n- pedigree\n---\n\n# A merged model\n\n");
        text.Append($"Made by Pedigree: `{recipe.Body.Method.Name}` of\n\n");
        text.Append(string.Concat(small.Labels.Select(
            (label, i) => $"- `{label}`{(i == recipe.Parents.Count ? ", the base of the others' task vectors" : "")}\n")));
        if (warnings.Count > 0)
            text.Append($"\n## Warnings\n\n{string.Concat(warnings.Select(warning => $"- {warning}\n"))}");
        text.Append($"\n## Lineage\n\nParents first, then theirs, with their digests:\n\n{small.Lineage.ToMarkdown()}\n\n");
        text.Append($"How, to the last bit: `{MergeRecipe.FileName}` (digest `{recipe.Digest}`). "
            + "As a mergekit configuration: `mergekit_config.yml`.");
        return text.ToString();
    }
}
