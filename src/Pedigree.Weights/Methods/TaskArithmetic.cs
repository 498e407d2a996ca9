using Pedigree.Weights.Grams;
using Pedigree.Weights.Methods.TaskVectors;

namespace Pedigree.Weights.Methods;

/// <summary>
/// <c>base + λ·Σ wᵢ·δᵢ</c>, with <c>normalize</c> divided by <c>Σ wᵢ</c> (Ilharco et al.,
/// <i>Editing models with task arithmetic</i>, 2022). As in mergekit, <c>density</c> and <c>rescale</c> are read and have no
/// effect: nothing is dropped.
/// </summary>
internal sealed class TaskArithmetic : IWeightedSumMethod
{
    public string Name => "task_arithmetic";

    public IReadOnlyList<MergeParameter> Parameters { get; } = TaskVectorParameters.With(normalize: false, rescale: false);

    public (int Fewest, int Most) Models => (1, int.MaxValue);

    public BaseModel BaseModel => BaseModel.Origin;

    public bool NeedsGram => false;

    public double[] Coefficients(TensorGram gram, IReadOnlyDictionary<string, double[]> parameters)
    {
        var factor = TaskVectorParameters.Factor(parameters);
        return [.. parameters["weight"].Select(weight => factor * weight)];
    }
}
