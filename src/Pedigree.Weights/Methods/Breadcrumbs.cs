using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Methods.TaskVectors;

namespace Pedigree.Weights.Methods;

/// <summary>
/// Model breadcrumbs: of each δᵢ the share <c>gamma</c> of the largest elements is dropped, and of the smallest as many that the
/// share <c>density</c> is left (Davari and Belilovsky, <i>Model breadcrumbs</i>, 2023). What is left is merged by
/// task arithmetic, <c>base + λ·Σ wᵢ·δᵢ</c>, with <c>normalize</c> divided by <c>Σ wᵢ</c>; or as in TIES, by the
/// sign of its weighted sum.
/// </summary>
/// <param name="ties">Whether it is merged as in TIES.</param>
/// <remarks>
/// Where ⌊gamma·n⌋ is 0, in tensors of fewer than 100 elements or with a gamma of 0, mergekit drops the whole δ; here the largest
/// are then kept. Of equally large elements the earlier count as larger, and one element at least is left.
/// </remarks>
internal sealed class Breadcrumbs(bool ties) : IElementwiseMethod
{
    public string Name => ties ? "breadcrumbs_ties" : "breadcrumbs";

    public IReadOnlyList<MergeParameter> Parameters { get; } = TaskVectorParameters.With(
        normalize: false, rescale: false, new MergeParameter("gamma", ByModel: true, Default: 0.01, Least: 0, Greatest: 1));

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Origin;

    public int Ranked(int models) => 2 * models;

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters) =>
        TaskVectorMerge.Prepare(
            tensor,
            parameters,
            MagnitudeSelection.WithoutOutliers(tensor, parameters["density"], parameters["gamma"]),
            consensus: ties);
}
