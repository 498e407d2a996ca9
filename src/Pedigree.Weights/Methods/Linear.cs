using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Methods;

/// <summary>
/// Weighted mean <c>Σ wᵢ·xᵢ / Σ wᵢ</c>, or the sum alone with <c>normalize: false</c> (Wortsman et al.,
/// <i>Model soups</i>, 2022).
/// </summary>
internal sealed class Linear : IWeightedSumMethod
{
    public string Name => "linear";

    public IReadOnlyList<MergeParameter> Parameters
    {
        get;
    } = [new("weight", ByModel: true), MergeParameter.Flag("normalize", true)];

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Merged;

    public bool NeedsGram => false;

    public void Check(IReadOnlyDictionary<string, double[]> parameters) => Shares.Of(parameters, "normalize");

    public double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters) =>
        Shares.Of(parameters, "normalize");
}
