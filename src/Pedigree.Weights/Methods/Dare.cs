using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Methods.TaskVectors;

namespace Pedigree.Weights.Methods;

/// <summary>
/// DARE: each element of each δᵢ is kept with probability <c>density</c> and, with <c>rescale</c> (the default), what is kept
/// enlarged (Yu et al., <i>Language models are super Mario</i>, 2023). The δᵢ so thinned are merged by task arithmetic,
/// <c>base + λ·Σ wᵢ·δᵢ</c>, with <c>normalize</c> divided by <c>Σ wᵢ</c>; or as in TIES, by the sign of their weighted sum.
/// </summary>
/// <param name="ties">Whether they are merged as in TIES; <c>normalize</c> is off by default there too.</param>
/// <remarks>
/// As in mergekit, what is kept is enlarged until the sum of its magnitudes is that of all, where the paper divides by the
/// density: for many elements that is the same. The elements kept depend on seed, tensor, model and position alone (mergekit:
/// on its generator's state).
/// </remarks>
internal sealed class Dare(bool ties) : IElementwiseMethod
{
    public string Name => ties ? "dare_ties" : "dare_linear";

    public IReadOnlyList<MergeParameter> Parameters { get; } = TaskVectorParameters.With(normalize: false, rescale: true);

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Origin;

    public bool IsRandom => true;

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters) =>
        TaskVectorMerge.Prepare(tensor, parameters, new RandomSelection(tensor, parameters["density"]), consensus: ties);
}
