using System.Text.Json.Serialization;

namespace Pedigree.Evolution;

/// <summary>Similarity of two δ (paper, Eq. 4: sim ∈ {PCC, CS, ED}).</summary>
public enum KinshipMeasure
{
    /// <summary>Pearson correlation of the elements of two δ, −1 … 1.</summary>
    Pearson,

    /// <summary>Cosine of the angle between two δ, with its sign, −1 … 1.</summary>
    Cosine,

    /// <summary>Distance ‖δa − δb‖, 0 …: smaller is more alike.</summary>
    Euclidean,
}

/// <summary>How a value of kinship was come by.</summary>
public enum KinshipPrice
{
    /// <summary>From the weights of both models.</summary>
    Measured,

    /// <summary>From the Gram matrix of the parents, in closed form: no weights were read.</summary>
    Predicted,
}

/// <summary>All three measures between two models.</summary>
public sealed record KinshipValue(double Pearson, double Cosine, double Euclidean)
{
    /// <summary>The value of one measure.</summary>
    public double this[KinshipMeasure measure] => measure switch
    {
        KinshipMeasure.Pearson => Pearson,
        KinshipMeasure.Cosine => Cosine,
        _ => Euclidean,
    };
}

/// <summary>Kinship of one model to another, as recorded.</summary>
/// <param name="Other">Name of the other model.</param>
/// <param name="Value">The three measures.</param>
/// <param name="Price">Whether the value was measured or predicted.</param>
/// <param name="Predicted">The prediction beside a measured value, where the merge method allows one.</param>
public sealed record KinshipEntry(
    string Other, KinshipValue Value, KinshipPrice Price,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] KinshipValue? Predicted = null);

/// <summary>Order of kinship values, which runs the other way for a distance.</summary>
public static class KinshipOrder
{
    /// <summary>A key that grows with kinship, whatever the measure.</summary>
    public static double Closeness(this KinshipMeasure measure, double value) =>
        measure == KinshipMeasure.Euclidean ? -value : value;

    /// <summary>Whether <paramref name="value"/> is more alike than <paramref name="threshold"/>.</summary>
    public static bool Passes(this KinshipMeasure measure, double value, double threshold) =>
        measure.Closeness(value) > measure.Closeness(threshold);
}
