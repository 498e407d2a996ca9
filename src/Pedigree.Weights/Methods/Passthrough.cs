using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Methods;

/// <summary>One model as it is, or <c>scale·x₀</c>.</summary>
internal sealed class Passthrough : IWeightedSumMethod
{
    public string Name => "passthrough";

    public IReadOnlyList<MergeParameter> Parameters { get; } = [new("scale", ByModel: true, Default: 1)];

    public (int Fewest, int Most) Models => (1, 1);

    public BaseModel BaseModel => BaseModel.Merged;

    public bool NeedsGram => false;

    public double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters) => parameters["scale"];
}
