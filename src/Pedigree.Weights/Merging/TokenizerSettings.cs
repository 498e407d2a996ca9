using System.Text.Json.Nodes;
using Pedigree.Weights.Configuration;

namespace Pedigree.Weights.Merging;

/// <summary>Whose tokens the child has.</summary>
/// <param name="Source">Which tokenizer.</param>
/// <param name="Model">The model as written, where the tokenizer is that of one model.</param>
/// <param name="Tokens">Tokens whose rows are not taken as usual; those that are not there are added.</param>
/// <param name="PadToMultipleOf">The number of rows is made a multiple of it.</param>
/// <param name="At">Where it is written.</param>
internal sealed record TokenizerSettings(
    TokenizerSource Source, string? Model, IReadOnlyList<TokenSetting> Tokens, int PadToMultipleOf, ConfigurationPlace At)
{
    /// <summary>One fixed form.</summary>
    public JsonObject ToJson() => new()
    {
        ["source"] = Source.ToString().ToLowerInvariant(),
        ["tokens"] = new JsonArray([.. Tokens.OrderBy(token => token.Token, StringComparer.Ordinal).Select(token => new JsonObject
        {
            ["token"] = token.Token,
            ["model"] = token.Model,
            ["of"] = token.OfToken is not null ? JsonValue.Create(token.OfToken)
                : token.OfId is { } id ? JsonValue.Create(id)
                : null,
            ["force"] = token.Force,
        })]),
        ["pad_to_multiple_of"] = PadToMultipleOf,
    };
}

/// <summary>Whose tokens.</summary>
internal enum TokenizerSource
{
    /// <summary>Those of all models, the base model's first.</summary>
    Union,

    /// <summary>Those of the base model.</summary>
    Base,

    /// <summary>Those of one model.</summary>
    Model,
}

/// <summary>Where the row of a token comes from.</summary>
/// <param name="Token">The token.</param>
/// <param name="Model">Index of a model; null: the row is zero.</param>
/// <param name="OfToken">Another token of that model.</param>
/// <param name="OfId">The number of another token of that model.</param>
/// <param name="Force">Whether models that have the token get that row as well.</param>
/// <param name="At">Where it is written.</param>
internal sealed record TokenSetting(string Token, int? Model, string? OfToken, int? OfId, bool Force, ConfigurationPlace At);
