using Pedigree.Weights.Elementwise;

namespace Pedigree.Weights.Methods;

/// <summary>
/// RAM+, tensor-local: as <see cref="Ram"/>, but what model i alone has changed is multiplied by <c>1 + r·min(sᵢ/uᵢ, alpha)</c>,
/// of the numbers of elements that it has changed with others (sᵢ) and alone (uᵢ), to make up for what averaging takes away
/// (<i>Reinforced agent merging</i>, arXiv 2601.13572).
/// </summary>
internal sealed class RamPlus : IElementwiseMethod
{
    public string Name => "ramplus_tl";

    public IReadOnlyList<MergeParameter> Parameters { get; } =
        [new("r", Default: 0.1), new("alpha", Default: 0.2, Least: 0), new("epsilon", Default: 1e-5, Least: 0)];

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Origin;

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters)
    {
        var epsilon = (float)parameters["epsilon"][0];
        var (shared, alone) = ChangedElements.Count(tensor, epsilon);
        // A model that has changed nothing alone has nothing to multiply.
        return new ChangedElements(epsilon, [.. shared.Zip(alone, (s, u) =>
            (float)(1 + (parameters["r"][0] * Math.Min((double)s / Math.Max(1, u), parameters["alpha"][0]))))]);
    }
}
