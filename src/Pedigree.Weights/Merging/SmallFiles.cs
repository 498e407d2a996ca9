using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging.Assembly;
using Pedigree.Weights.Tokenizers;

namespace Pedigree.Weights.Merging;

/// <summary>What stands beside a child's weights.</summary>
/// <param name="Donor">Has the child's config, but for the type of its weights, and lends its other files.</param>
/// <param name="Labels">How the card calls the parents, and last the origin if there is one.</param>
internal sealed record SmallFiles(Checkpoint Donor, IReadOnlyList<string> Labels)
{
    private const string TokenizerConfig = "tokenizer_config.json";
    private const string GenerationConfig = "generation_config.json";
    private const int MaxLength = 16_000_000;

    private static readonly string[] SpecialTokens = ["bos_token_id", "eos_token_id", "pad_token_id"];

    // What says the same as tokenizer.json in older forms, and would contradict one that was changed.
    private static readonly string[] OlderTokenizers =
        ["added_tokens.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model", "tekken.json",
            "tokenizer.model", "vocab.json", "vocab.txt"];

    private static readonly string[] ChatFiles = [ChatTemplates.File, "chat_template.json"];

    /// <summary>Those of a child whose parents are merged as they are.</summary>
    public static SmallFiles Of(MergeRecipe recipe, IReadOnlyList<Relative> parents, Relative? ancestor) =>
        new(parents[0].Checkpoint, recipe.Body.HasOrigin ? [.. recipe.Parents, recipe.Ancestor!] : recipe.Parents)
        {
            Lineage = Lineage.Of(recipe.Body.HasOrigin ? [.. parents, ancestor!] : parents),
        };

    /// <summary>The configuration as it was written; null: one is made from the recipe.</summary>
    public string? Configuration { get; init; }

    /// <summary>Whom the child descends from.</summary>
    public required Lineage Lineage { get; init; }

    /// <summary>The Hugging Face ids of those of the models that were found by one.</summary>
    public IReadOnlyList<string> HubIds { get; init; } = [];

    /// <summary>The folder whose tokenizer is carried over.</summary>
    public string TokenizerFolder { get; private init; } = Donor.Folder;

    /// <summary>The child's config but for the type of its weights.</summary>
    public JsonObject Config { get; private init; } = Donor.Config;

    /// <summary>Files that are written instead of being carried over; null: left out.</summary>
    public IReadOnlyDictionary<string, byte[]?> Own { get; private init; } = new Dictionary<string, byte[]?>();

    /// <summary>With the tokenizer that the vocabularies were brought into.</summary>
    public SmallFiles With(Vocabularies vocabularies)
    {
        var files = new Dictionary<string, byte[]?>(Own);
        if (vocabularies.IsChanged)
        {
            files[TokenizerFile.Name] = vocabularies.Tokenizer.ToBytes();
            foreach (var name in OlderTokenizers)
                files[name] = null;
            if (ReadConfig(vocabularies.Folder) is { } tokenizerConfig)
            {
                vocabularies.Tokenizer.Complete(tokenizerConfig);
                files[TokenizerConfig] = Text(tokenizerConfig);
            }
        }
        var config = (JsonObject)Config.DeepClone();
        var path = Path.Combine(vocabularies.Folder, CheckpointFiles.Config);
        if (vocabularies.Folder != Donor.Folder && File.Exists(path))
            foreach (var (key, value) in CheckpointFiles.ReadObject(path, MaxLength)
                .Where(member => SpecialTokens.Contains(member.Key)))
                config[key] = value?.DeepClone();
        return this with { TokenizerFolder = vocabularies.Folder, Own = files, Config = config };
    }

    /// <summary>With a chat template.</summary>
    public SmallFiles WithChat(string template)
    {
        var files = new Dictionary<string, byte[]?>(Own);
        var config = Own.TryGetValue(TokenizerConfig, out var own) && own is not null
            ? (JsonObject)JsonNode.Parse(own)!
            : ReadConfig(TokenizerFolder) ?? [];
        config["chat_template"] = template;
        files[TokenizerConfig] = Text(config);
        foreach (var name in ChatFiles)
            files[name] = null;
        return this with { Own = files };
    }

    /// <summary>Adds all but the config to what is written.</summary>
    public void Write(CheckpointWriter writer)
    {
        foreach (var (name, bytes) in Own)
            if (bytes is not null)
                writer.AddFile(name, bytes);
        // The numbers of tokens that end a text belong to the tokenizer.
        writer.CarryFiles(
            TokenizerFolder, CheckpointFiles.Carried.Where(name => name != CheckpointFiles.Config && !Own.ContainsKey(name)));
        writer.CarryFiles(Donor.Folder, [GenerationConfig]);
    }

    private static byte[] Text(JsonObject json) => Encoding.UTF8.GetBytes(json.ToJsonString(ChildDescription.Indented) + "\n");

    private static JsonObject? ReadConfig(string folder) =>
        Path.Combine(folder, TokenizerConfig) is var path && File.Exists(path)
            ? CheckpointFiles.ReadObject(path, MaxLength)
            : null;
}
