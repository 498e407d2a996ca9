using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Tokenizers;

/// <summary>Chat templates: those known by name, and those of models.</summary>
internal static class ChatTemplates
{
    public const string File = "chat_template.jinja";
    public const string Auto = "auto";

    private const int MaxLength = 16_000_000;
    private const int ShortestText = 20;

    /// <summary>Names of the templates that come with the program.</summary>
    public static IReadOnlyList<string> Names { get; } = ["alpaca", "chatml", "exaone", "llama3", "mistral"];

    /// <summary>Whether a text is a template of its own.</summary>
    public static bool IsTemplate(string text) => text.Length >= ShortestText && text.Contains('{');

    /// <summary>The template of a name.</summary>
    public static string Named(string name)
    {
        using var stream = typeof(ChatTemplates).Assembly.GetManifestResourceStream($"{name}.jinja")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().TrimEnd('\n');
    }

    /// <summary>
    /// The template that most models have, of several equally frequent ones the first; null where none has any.
    /// </summary>
    public static string? MostFrequent(IEnumerable<string> folders) => folders.Select(Of).OfType<string>()
        .GroupBy(template => template.Trim(), StringComparer.Ordinal)
        .OrderByDescending(group => group.Count())
        .FirstOrDefault()?.Key;

    private static string? Of(string folder)
    {
        var own = Path.Combine(folder, File);
        if (System.IO.File.Exists(own))
            return System.IO.File.ReadAllText(InputFile.Readable(own));
        var config = Path.Combine(folder, "tokenizer_config.json");
        if (!System.IO.File.Exists(config))
            return null;
        return CheckpointFiles.ReadObject(config, MaxLength)["chat_template"] switch
        {
            JsonValue text => (string?)text,
            // Several by name; the usual one is called so.
            JsonArray list =>
                (string?)list.OfType<JsonObject>().FirstOrDefault(entry => (string?)entry["name"] == "default")?["template"],
            _ => null,
        };
    }
}
