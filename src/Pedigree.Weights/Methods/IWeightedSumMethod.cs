using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Methods;

/// <summary>
/// A merge of vectors <c>v₀ … vₙ₋₁</c> into <c>Σ cᵢ·vᵢ</c>, each tensor as one vector, whose coefficients follow from the inner
/// products: v are the weights, or where there is an origin the differences from it. The kinship of children
/// never made comes with it.
/// </summary>
public interface IWeightedSumMethod : IMergeMethod
{
    /// <summary>Whether <see cref="Coefficients"/> looks at the inner products; if not, the weights are read only once.</summary>
    bool NeedsGram { get; }

    /// <summary>
    /// Whether it is a weighted sum with these parameters; if not, the class implements <see cref="IElementwiseMethod"/> too.
    /// </summary>
    bool IsWeightedSum(IReadOnlyDictionary<string, double[]> parameters) => true;

    /// <summary>The coefficient of each vector.</summary>
    /// <param name="gram">
    /// Products of v₀ … vₙ₋₁ (<see cref="TensorGram.Product"/>); without meaning where <see cref="NeedsGram"/> is false.
    /// </param>
    /// <param name="parameters">By name, the value for each model (the same for all where it is not given by model).</param>
    /// <exception cref="ArgumentException">
    /// The parameters cannot be used together; the message says what would be right.
    /// </exception>
    double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters);
}
