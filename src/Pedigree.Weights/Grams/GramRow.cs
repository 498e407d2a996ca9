using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pedigree.Weights.Grams;

/// <summary>
/// What is known of one model relative to a base: for each tensor (all arrays are parallel to <see cref="Tensors"/>) the inner
/// products and element sums of the base and of δ = model − base, in float64, and ⟨δ, δ'⟩ with every other model met so far.
/// Kinship, merge coefficients and the rows of merges never made follow from rows alone, without reading weights.
/// </summary>
/// <remarks>
/// Every value depends only on the base and the one or two models it names, so rows measured at different times combine.
/// </remarks>
public sealed record GramRow
{
    /// <summary>Digest of the base; null where the products are those of the weights themselves (δ = the model).</summary>
    public required string? Base { get; init; }

    /// <summary>Digest of the model.</summary>
    public required string Model { get; init; }

    /// <summary>
    /// True if read from the weights; false if it follows from its parents' rows (see <see cref="Prediction"/>).
    /// </summary>
    public required bool Measured { get; init; }

    /// <summary>Names of the tensors of float type, ordinal.</summary>
    public required IReadOnlyList<string> Tensors { get; init; }

    /// <summary>Elements of each tensor.</summary>
    public required IReadOnlyList<long> Counts { get; init; }

    /// <summary>⟨base, base⟩.</summary>
    public required IReadOnlyList<double> BaseBase { get; init; }

    /// <summary>Sum of the base's elements.</summary>
    public required IReadOnlyList<double> BaseSum { get; init; }

    /// <summary>⟨δ, base⟩.</summary>
    public required IReadOnlyList<double> DeltaBase { get; init; }

    /// <summary>⟨δ, δ⟩.</summary>
    public required IReadOnlyList<double> DeltaDelta { get; init; }

    /// <summary>Sum of δ's elements.</summary>
    public required IReadOnlyList<double> DeltaSum { get; init; }

    /// <summary>⟨δ, δ'⟩ by the other model's digest.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<double>> Others { get; init; }

    /// <summary>Whether ⟨δ, δ'⟩ is in either row.</summary>
    public static bool Related(GramRow a, GramRow b) =>
        a.Model == b.Model || a.Others.ContainsKey(b.Model) || b.Others.ContainsKey(a.Model);

    /// <summary>Whether that is so of every two of them.</summary>
    public static bool AllRelated(IReadOnlyList<GramRow> rows) => rows.All(a => rows.All(b => Related(a, b)));

    /// <summary>⟨δ, δ'⟩ of each tensor, from whichever row has it.</summary>
    /// <exception cref="ArgumentException">Neither has.</exception>
    public static IReadOnlyList<double> Products(GramRow a, GramRow b) =>
        a.Model == b.Model ? a.DeltaDelta
        : a.Others.TryGetValue(b.Model, out var products) || b.Others.TryGetValue(a.Model, out products) ? products
        : throw new ArgumentException($"The rows of {a.Model} and {b.Model} were never measured together.", nameof(b));

    /// <summary>This row with the other models of a row of the same model added.</summary>
    public GramRow Union(GramRow other)
    {
        if (other.Model != Model || other.Base != Base || other.Measured != Measured)
            throw new ArgumentException($"Not a row of {Model}.", nameof(other));
        var union = new SortedDictionary<string, IReadOnlyList<double>>(StringComparer.Ordinal);
        foreach (var (model, products) in Others.Concat(other.Others))
            union[model] = products;
        return this with { Others = union };
    }

    /// <summary>One JSON object; numbers are written so that they read back to the last bit.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, GramRowJson.Default.GramRow);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="BadInputException">Not a row; <paramref name="file"/> is named.</exception>
    public static GramRow Parse(string json, string file)
    {
        GramRow? row;
        try
        {
            row = JsonSerializer.Deserialize(json, GramRowJson.Default.GramRow);
        }
        catch (JsonException exception)
        {
            throw new BadInputException(file, exception.Path,
                "is not a Gram row as it was written; remove the file and it is measured again");
        }
        if (row is null || row.Others.Values.Append(row.BaseBase).Append(row.BaseSum).Append(row.DeltaBase).Append(row.DeltaDelta)
            .Append(row.DeltaSum).Any(values => values.Count != row.Tensors.Count) || row.Counts.Count != row.Tensors.Count)
            throw new BadInputException(file, null, "its arrays differ in length; remove the file and it is measured again");
        return row;
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(GramRow))]
internal sealed partial class GramRowJson : JsonSerializerContext;
