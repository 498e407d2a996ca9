using Pedigree.Weights.Elementwise;

namespace Pedigree.Weights.Methods;

/// <summary>
/// RAM: an element counts as changed where <c>|δᵢ| &gt; epsilon</c>. What one model alone has changed is taken over whole, what
/// several have is averaged over these (<i>Reinforced agent merging</i>, arXiv 2601.13572).
/// </summary>
internal sealed class Ram : IElementwiseMethod
{
    public string Name => "ram";

    public IReadOnlyList<MergeParameter> Parameters { get; } = [new("epsilon", Default: 1e-5, Least: 0)];

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Origin;

    public IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters) =>
        new ChangedElements((float)parameters["epsilon"][0], [.. Enumerable.Repeat(1f, tensor.Models)]);
}
