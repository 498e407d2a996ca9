using Pedigree.Weights.Configuration;
using Pedigree.Weights.Tokenizers;

namespace Pedigree.Weights.Merging;

/// <summary>Reads what a configuration says of tokens and chat.</summary>
internal static class TokenizerReader
{
    // What mergekit wrote before a model's name in its first versions.
    private const string OldPrefix = "model:";
    private const int LargestMultiple = 1 << 20;

    /// <summary><c>tokenizer_source</c> or <c>tokenizer</c>; null where neither is given.</summary>
    /// <param name="root">The configuration.</param>
    /// <param name="known">Index of a model by its name; null where it is not merged.</param>
    public static TokenizerSettings? Read(ConfigurationMapping root, Func<string, int?> known)
    {
        var (plain, full) = (root.Optional("tokenizer_source"), root.OptionalMapping("tokenizer"));
        if (plain is not null && full is not null)
            throw full.Error("give either `tokenizer_source` or `tokenizer`");
        if (plain is not null)
            return Settings(plain, [], 1);
        if (full is null)
            return null;
        var source = full.Optional("source");
        TokenSetting[] tokens =
            [.. full.OptionalMapping("tokens")?.Members.Select(token => Token(token.Key, token.Value.AsMapping(), known)) ?? []];
        var multiple = full.OptionalInteger("pad_to_multiple_of") ?? 1;
        if (multiple is < 1 or > LargestMultiple)
            throw full.Required("pad_to_multiple_of").Error($"is {multiple}; it must be from 1 to {LargestMultiple}");
        full.RefuseUnknownKeys();
        return source is not null
            ? Settings(source, tokens, (int)multiple)
            : new(TokenizerSource.Union, null, tokens, (int)multiple, full.At);
    }

    /// <summary><c>chat_template</c>, or null.</summary>
    public static string? ChatTemplate(ConfigurationMapping root)
    {
        if (root.Optional("chat_template") is not { } node)
            return null;
        var text = node.AsString();
        return text == ChatTemplates.Auto || ChatTemplates.Names.Contains(text) || ChatTemplates.IsTemplate(text) ? text
            : throw node.Error($"`{text}` is no chat template; give {ChatTemplates.Auto}, "
                + $"{string.Join(", ", ChatTemplates.Names)}, or a template in Jinja");
    }

    private static TokenizerSettings Settings(ConfigurationNode node, IReadOnlyList<TokenSetting> tokens, int multiple) =>
        ModelName.Of(node) switch
        {
            "union" => new(TokenizerSource.Union, null, tokens, multiple, node.At),
            "base" => new(TokenizerSource.Base, null, tokens, multiple, node.At),
            var model => new(TokenizerSource.Model, model.StartsWith(OldPrefix, StringComparison.Ordinal)
                ? model[OldPrefix.Length..]
                : model, tokens, multiple, node.At),
        };

    private static TokenSetting Token(string token, ConfigurationMapping mapping, Func<string, int?> known)
    {
        var force = mapping.OptionalBoolean("force") ?? false;
        var source = mapping.Required("source");
        mapping.RefuseUnknownKeys();
        int Model(ConfigurationNode node) =>
            known(ModelName.Of(node)) ?? throw node.Error($"`{ModelName.Of(node)}` must be one of the models that are merged");
        if (source is not ConfigurationMapping kind || kind.Members.All(member => member.Key != "kind"))
            return new(token, Model(source), null, null, force, source.At);
        var name = kind.RequiredString("kind");
        if (name == "zero")
        {
            kind.RefuseUnknownKeys();
            return new(token, null, null, null, force, source.At);
        }
        if (name != "model_token")
            throw kind.Required("kind").Error($"`{name}` is not known; use model_token or zero");
        var model = Model(kind.Required("model"));
        var (other, id) = (kind.OptionalString("token"), kind.OptionalInteger("token_id"));
        if ((other is null) == (id is null))
            throw kind.Error("give either `token` or `token_id`");
        kind.RefuseUnknownKeys();
        return new(token, model, other, id is >= 0 and <= int.MaxValue or null ? (int?)id
            : throw kind.Required("token_id").Error("must be the number of a token"), force, source.At);
    }
}
