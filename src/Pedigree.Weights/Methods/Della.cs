using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Methods.TaskVectors;

namespace Pedigree.Weights.Methods;

/// <summary>
/// DELLA: each element of each δᵢ is kept with a probability that grows with the rank of its magnitude in its row, from
/// <c>density − epsilon</c> for the smallest to <c>density + epsilon</c> for the largest, and with <c>rescale</c> (the default)
/// what is kept enlarged (Deep et al., <i>DELLA-merging</i>, 2024). What is left is merged as in TIES, by the sign of its
/// weighted sum, and by default divided by the sum of the wᵢ that agree; or by task arithmetic, <c>base + λ·Σ wᵢ·δᵢ</c>, with
/// <c>normalize</c> divided by <c>Σ wᵢ</c>.
/// </summary>
/// <param name="ties">Whether it is merged as in TIES.</param>
/// <remarks>
/// As in mergekit, what is kept is enlarged until the sum of its magnitudes is that of all, where the paper divides each element
/// by its probability. A row is the last dimension; of equally large elements the earlier rank higher; the only element of a row
/// is kept with probability <c>density</c> (mergekit: 0/0). The elements kept depend on seed, tensor, model and position alone.
/// </remarks>
internal sealed class Della(bool ties) : IElementwiseMethod
{
    public string Name => ties ? "della" : "della_linear";

    public IReadOnlyList<MergeParameter> Parameters { get; } = TaskVectorParameters.With(
        normalize: ties, rescale: true, new MergeParameter("epsilon", ByModel: true, Default: 0.15, Least: 0, Greatest: 0.5));

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Origin;

    public bool IsRandom => true;

    public void Check(IReadOnlyDictionary<string, double[]> parameters) =>
        RankedSelection.Check(parameters["density"], parameters["epsilon"]);

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters) =>
        TaskVectorMerge.Prepare(
            tensor, parameters, new RankedSelection(tensor, parameters["density"], parameters["epsilon"]), consensus: ties);
}
