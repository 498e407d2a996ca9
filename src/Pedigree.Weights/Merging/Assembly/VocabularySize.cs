using System.Text.Json.Nodes;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>The number of rows of the token embedding in a config.json, at its top or in the part about text.</summary>
internal static class VocabularySize
{
    private const string Key = "vocab_size";

    /// <summary>Sets it wherever it stands; at the top where it stands nowhere.</summary>
    public static void Set(JsonObject config, long rows)
    {
        var found = false;
        foreach (var part in config.Select(member => member.Value).OfType<JsonObject>().Append(config).ToList())
            if (part.ContainsKey(Key))
            {
                part[Key] = rows;
                found = true;
            }
        if (!found)
            config[Key] = rows;
    }
}
