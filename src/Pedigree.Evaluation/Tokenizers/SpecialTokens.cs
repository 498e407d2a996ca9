namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// What stands beside the tokenizer: tokenizer_config.json, and the ids in config.json where the former is silent.
/// </summary>
/// <param name="Bos">Text of the token that begins a text.</param>
/// <param name="Eos">Text of the token that ends a text.</param>
/// <param name="BosId">Its id in config.json.</param>
/// <param name="EosId">Its id (the first, where there are several) in config.json.</param>
/// <param name="AddBos">tokenizer_config.json's add_bos_token.</param>
/// <param name="AddEos">tokenizer_config.json's add_eos_token.</param>
/// <param name="Added">tokenizer_config.json's added_tokens_decoder: text, id, and whether it is special.</param>
internal sealed record SpecialTokens(
    string? Bos, string? Eos, int? BosId, int? EosId, bool? AddBos, bool? AddEos, IReadOnlyList<(string Text, int Id, bool Special)> Added)
{
    public static SpecialTokens Read(string folder)
    {
        var settingsFile = Path.Combine(folder, "tokenizer_config.json");
        var settings = File.Exists(settingsFile) ? JsonReader.Open(settingsFile) : null;
        var configFile = Path.Combine(folder, "config.json");
        var config = File.Exists(configFile) ? JsonReader.Open(configFile) : null;
        var added = settings?.Child("added_tokens_decoder")?.Properties()
            .Select(entry => (entry.Value.Required("content").Text(), entry.KeyAsInteger(), entry.Value.Child("special")?.Flag() ?? false));
        return new SpecialTokens(
            Name(settings, "bos_token"), Name(settings, "eos_token"), Id(config, "bos_token_id"), Id(config, "eos_token_id"),
            settings?.Child("add_bos_token")?.Flag(), settings?.Child("add_eos_token")?.Flag(), added?.ToList() ?? []);
    }

    /// <summary>A token is written as its text, or as an object with the text under content.</summary>
    private static string? Name(JsonReader? settings, string field) =>
        settings?.Child(field) is not { } token ? null : token.IsObject ? token.Required("content").Text() : token.Text();

    private static int? Id(JsonReader? config, string field) =>
        config?.Child(field) is not { } id ? null : id.IsArray ? id.Items().FirstOrDefault()?.Integer() : id.Integer();
}
