using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Merging;

/// <summary>A model that a child descends from.</summary>
/// <param name="Digest">By which the recipes of its children call it.</param>
/// <param name="Name">As its children's configuration writes it; null: only by digest.</param>
/// <param name="Method">How it was merged; null: it was not, as far as the files beside it say.</param>
/// <param name="Parents">Digests of its own parents.</param>
/// <param name="Base">Digest of the base of its recipe.</param>
internal sealed record ChildAncestor(string Digest, string? Name, string? Method, IReadOnlyList<string> Parents, string? Base);

/// <summary>
/// Whom a child descends from: its parents, and what the <c>recipe.json</c> of a parent says of the parent's own, down to models
/// that were not merged. Every model once, near ones first, and no more than can be read.
/// </summary>
internal sealed record Lineage(IReadOnlyList<ChildAncestor> Ancestors)
{
    /// <summary>Where <c>recipe.json</c> has it.</summary>
    public const string Key = "lineage";

    /// <summary>
    /// Most merged ancestors that are listed, and most that were not merged: of a long evolution every child would else list
    /// nearly all that were ever made. Further ones are in the recipe.json beside the ancestors.
    /// </summary>
    public const int MostOfEach = 250;

    // More than people read; recipe.json has more.
    private const int MostInCard = 60;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web);

    /// <param name="models">The parents, and last the origin if there is one.</param>
    /// <param name="names">What they are called; null: by digest.</param>
    public static Lineage Of(IReadOnlyList<Relative> models, IReadOnlyList<string>? names = null)
    {
        List<ChildAncestor> near = [], far = [];
        for (var i = 0; i < models.Count; i++)
        {
            var (digest, name) = (models[i].Digest, names?[i]);
            var file = Read(models[i].Checkpoint);
            var recipe = file?.Recipe;
            near.Add(new(
                digest, name == digest ? null : name, recipe?.Merge?.MergeMethod, recipe?.Parents ?? [], recipe?.Ancestor));
            far.AddRange(file?.Lineage ?? []);
            // Children of an earlier version name their parents without saying more.
            far.AddRange(near[^1].Parents.Append(near[^1].Base)
                .OfType<string>()
                .Select(known => new ChildAncestor(known, null, null, [], null)));
        }
        int merged = 0, others = 0;
        return new([.. near.Concat(far).DistinctBy(ancestor => ancestor.Digest, StringComparer.Ordinal)
            .Where(ancestor => (ancestor.Method is null ? ++others : ++merged) <= MostOfEach)]);
    }

    /// <summary>As in <c>recipe.json</c>.</summary>
    public JsonNode ToJson() => JsonSerializer.SerializeToNode(Ancestors, Options)!;

    /// <summary>A list for people.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        foreach (var ancestor in Ancestors.Take(MostInCard))
        {
            text.Append(ancestor.Name is null ? $"- `{ancestor.Digest}`" : $"- `{ancestor.Name}` (`{ancestor.Digest}`)");
            if (ancestor.Method is not null)
                text.Append($": `{ancestor.Method}` of {string.Join(", ", ancestor.Parents.Select(parent => $"`{parent}`"))}"
                    + (ancestor.Base is null ? "" : $" with base `{ancestor.Base}`"));
            text.Append('\n');
        }
        if (Ancestors.Count > MostInCard)
            text.Append($"- and {Ancestors.Count - MostInCard} more, in `recipe.json`\n");
        return text.ToString().TrimEnd('\n');
    }

    // A file of that name that is not one of ours says nothing, and is no reason not to merge.
    private static RecipeFile? Read(Checkpoint model)
    {
        var path = Path.Combine(model.Folder, MergeRecipe.FileName);
        try
        {
            return (model.Recipe ?? (File.Exists(path) ? CheckpointFiles.ReadObject(path, MergeVerification.MaxLength) : null))
                ?.Deserialize<RecipeFile>(Options);
        }
        catch (Exception error) when (error is BadInputException or JsonException)
        {
            return null;
        }
    }

    private sealed record RecipeFile(RecipePart? Recipe, IReadOnlyList<ChildAncestor>? Lineage);

    private sealed record RecipePart(MergePartOfRecipe? Merge, IReadOnlyList<string>? Parents, string? Ancestor);

    private sealed record MergePartOfRecipe(
        [property: System.Text.Json.Serialization.JsonPropertyName("merge_method")] string? MergeMethod);
}
