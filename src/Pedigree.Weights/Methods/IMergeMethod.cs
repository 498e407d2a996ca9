using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Methods;

/// <summary>
/// A merge of tensors <c>x₀ … xₙ₋₁</c> into <c>Σ cᵢ·xᵢ</c>, whose coefficients follow from the inner products of the tensors. A new
/// method is one class that implements this, added to <see cref="MergeMethods"/>; reading, rounding, writing, parameters by layer
/// and the kinship of children never made come with it.
/// </summary>
public interface IMergeMethod
{
    /// <summary>The <c>merge_method</c> of a configuration.</summary>
    string Name { get; }

    /// <summary>What may stand under <c>parameters</c>.</summary>
    IReadOnlyList<MergeParameter> Parameters { get; }

    /// <summary>Fewest and most models.</summary>
    (int Fewest, int Most) Models { get; }

    /// <summary>Whether one of the models is named <c>base_model</c>; it is then x₀, whatever its place in the list.</summary>
    bool NeedsBaseModel { get; }

    /// <summary>Whether <see cref="Coefficients"/> looks at the inner products; if not, the weights are read only once.</summary>
    bool NeedsGram { get; }

    /// <summary>The coefficient of each tensor.</summary>
    /// <param name="gram">Products of x₀ … xₙ₋₁; without meaning where <see cref="NeedsGram"/> is false.</param>
    /// <param name="parameters">By name, the value for each model (the same for all where it is not given by model).</param>
    /// <exception cref="ArgumentException">The parameters cannot be used together; the message says what would be right.</exception>
    double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters);
}

/// <summary>A parameter of a method; true and false are 1 and 0.</summary>
/// <param name="Name">Its key.</param>
/// <param name="ByModel">Whether each model may have its own.</param>
/// <param name="Default">Taken where nothing is given; null where it must be given.</param>
/// <param name="Least">Least value allowed.</param>
/// <param name="Greatest">Greatest value allowed.</param>
public sealed record MergeParameter(
    string Name, bool ByModel = false, double? Default = null,
    double Least = double.NegativeInfinity, double Greatest = double.PositiveInfinity);

/// <summary>The methods there are.</summary>
public static class MergeMethods
{
    /// <summary>All, in the order of their names.</summary>
    public static IReadOnlyList<IMergeMethod> All { get; } = [new Linear(), new Slerp()];
}
