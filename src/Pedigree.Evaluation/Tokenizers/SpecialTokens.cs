namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// What stands beside the tokenizer: tokenizer_config.json, and the ids in config.json where the former is silent.
/// </summary>
/// <param name="Bos">Text of the token that begins a text.</param>
/// <param name="Eos">Text of the token that ends a text.</param>
/// <param name="BosId">Its id in config.json.</param>
/// <param name="EosId">Its id (the first, where there are several) in config.json.</param>
/// <param name="Ends">All end tokens' ids in generation_config.json, or where that names none in config.json.</param>
/// <param name="AddBos">tokenizer_config.json's add_bos_token.</param>
/// <param name="AddEos">tokenizer_config.json's add_eos_token.</param>
/// <param name="Added">tokenizer_config.json's added_tokens_decoder: text, id, and whether it is special.</param>
internal sealed record SpecialTokens(
    string? Bos, string? Eos, int? BosId, int? EosId, IReadOnlyList<int> Ends, bool? AddBos, bool? AddEos,
    IReadOnlyList<(string Text, int Id, bool Special)> Added)
{
    public static SpecialTokens Read(string folder)
    {
        var settings = Open(folder, "tokenizer_config.json");
        var config = Open(folder, "config.json");
        var ends = Ids(Open(folder, "generation_config.json"), "eos_token_id");
        var added = settings?.Child("added_tokens_decoder")?.Properties()
            .Select(entry =>
                (entry.Value.Required("content").Text(), entry.KeyAsInteger(), entry.Value.Child("special")?.Flag() ?? false));
        return new SpecialTokens(
            Name(settings, "bos_token"), Name(settings, "eos_token"), Ids(config, "bos_token_id").Cast<int?>().FirstOrDefault(),
            Ids(config, "eos_token_id").Cast<int?>().FirstOrDefault(), ends.Count > 0 ? ends : Ids(config, "eos_token_id"),
            settings?.Child("add_bos_token")?.Flag(), settings?.Child("add_eos_token")?.Flag(), added?.ToList() ?? []);
    }

    /// <summary>A token is written as its text, or as an object with the text under content.</summary>
    public static string? Name(JsonReader? settings, string field) =>
        settings?.Child(field) is not { } token ? null : token.IsObject ? token.Required("content").Text() : token.Text();

    /// <summary>None, one, or a list.</summary>
    private static List<int> Ids(JsonReader? config, string field) =>
        config?.Child(field) is not { } id ? [] : id.IsArray ? [.. id.Items().Select(item => item.Integer())] : [id.Integer()];

    private static JsonReader? Open(string folder, string name) =>
        Path.Combine(folder, name) is var file && File.Exists(file) ? JsonReader.Open(file) : null;
}
