using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Methods.TaskVectors;

namespace Pedigree.Weights.Methods;

/// <summary>
/// TIES: of each δᵢ the <c>density</c> largest elements are kept; at each place only those wᵢ·δᵢ are added whose sign is that of
/// their sum, and with <c>normalize</c> (the default) divided by the sum of their wᵢ; times λ, plus the base (Yadav et al.,
/// <i>TIES-merging: resolving interference when merging models</i>, 2023).
/// </summary>
/// <remarks>
/// Kept are ⌊density·n⌋ of n elements, the earlier of equally large ones (mergekit: whichever its sort leaves in front), but one
/// at least (mergekit stops). A sum of zero counts as positive.
/// </remarks>
internal sealed class Ties : IElementwiseMethod
{
    public string Name => "ties";

    public IReadOnlyList<MergeParameter> Parameters { get; } = TaskVectorParameters.With(normalize: true, rescale: false);

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Origin;

    public int Ranked(int models) => models;

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters) =>
        TaskVectorMerge.Prepare(tensor, parameters, MagnitudeSelection.OfLargest(tensor, parameters["density"]), consensus: true);
}
