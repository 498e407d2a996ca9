using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Merging;

/// <summary>All that the bytes of a child depend on; its digest names the child.</summary>
/// <param name="Body">How to merge.</param>
/// <param name="Parents">Digests of the parents, x₀ first.</param>
/// <param name="Ancestor">
/// Digest of the base to which the parents' Gram rows are relative; null where the products are taken of the weights themselves.
/// The two agree but for rounding, so it is part of the recipe. Where the body has an origin, this is it.
/// </param>
/// <param name="Seed">Of random methods; the others do without, and their digest does not depend on it.</param>
public sealed record MergeRecipe(MergeBody Body, IReadOnlyList<string> Parents, string? Ancestor, long Seed = 0)
{
    /// <summary>
    /// The file of a child's folder that has the recipe, whom the child descends from, and the digests of all other files.
    /// </summary>
    public const string FileName = "recipe.json";

    /// <summary>Changes whenever the same recipe would give other bytes.</summary>
    public int Version => Assembly is not null ? 3 : Body.Slices.Count > 1 ? 2 : 1;

    /// <summary>
    /// How the parents are brought into one shape before they are merged (layers stacked, adapters merged, vocabularies united);
    /// null: they are merged as they are.
    /// </summary>
    public JsonObject? Assembly { get; init; }

    /// <summary>The layers of the whole child, where the recipe is of some of its tensors; null: those of the tensors.</summary>
    internal Architecture? Architecture { get; init; }

    /// <summary>SHA-256 of <see cref="ToJson"/>, in lower-case hexadecimal.</summary>
    public string Digest => Hashing.Sha256(ToJson().ToJsonString());

    /// <summary>One fixed form.</summary>
    public JsonObject ToJson()
    {
        JsonObject json = new()
        {
            ["version"] = Version,
            ["merge"] = Body.ToJson(),
            ["parents"] = new JsonArray([.. Parents.Select(parent => JsonValue.Create(parent))]),
            ["ancestor"] = Ancestor,
        };
        if (Body.Method.IsRandom)
            json["seed"] = Seed;
        if (Assembly is not null)
            json["assembly"] = Assembly.DeepClone();
        return json;
    }

    /// <summary>
    /// Reads what <see cref="ToJson"/> gave of a run's child: its body has no slices, and its parents are merged as they are.
    /// </summary>
    /// <exception cref="BadInputException">It is not that.</exception>
    public static MergeRecipe Parse(string file, JsonObject json)
    {
        var merge = json["merge"]!.AsObject();
        JsonObject body =
            new() { ["method"] = merge["merge_method"]!.DeepClone(), ["parameters"] = merge["parameters"]!.DeepClone() };
        foreach (var type in new[] { "dtype", "out_dtype" })
            if (merge[type] is { } name)
                body[type] = name.DeepClone();
        if ((bool?)merge["origin"] == true)
            body["base_model"] = "base";
        MergeRecipe recipe = new(
            MergeBody.Parse(ConfigurationReader.Parse(file, body.ToJsonString())),
            [.. json["parents"]!.AsArray().Select(parent => (string)parent!)],
            (string?)json["ancestor"], (long?)json["seed"] ?? 0);
        return JsonNode.DeepEquals(recipe.ToJson(), json) ? recipe
            : throw new BadInputException(file, "recipe", "is not one of a run's children");
    }

    /// <summary>
    /// The coefficients <c>[tensor][parent]</c> from the parents' rows, in the order of <see cref="Parents"/>, and after them the
    /// origin's if there is one; with them <see cref="Prediction.Child"/> gives the child's own row. No weights are read. Null
    /// where not every tensor is a weighted sum: then only the child itself can tell.
    /// </summary>
    /// <exception cref="BadInputException">The parameters do not fit the tensors.</exception>
    public IReadOnlyList<double[]>? Coefficients(IReadOnlyList<GramRow> rows)
    {
        if (!rows.Select(row => row.Model).SequenceEqual(Parents) || rows.Any(row => row.Base != Ancestor))
            throw new ArgumentException("The rows are not those of the recipe's parents.", nameof(rows));
        MergePlan plan = new(Body, Parents.Count, rows[0].Tensors);
        return plan.IsWeightedSum ? [.. plan.Coefficients(new Gram(rows)).OfType<double[]>()] : null;
    }
}
