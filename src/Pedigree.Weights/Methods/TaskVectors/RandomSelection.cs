using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Methods.TaskVectors;

/// <summary>Each element is kept with the same probability.</summary>
internal sealed unsafe class RandomSelection(TensorSources tensor, double[] densities) : ISelection
{
    public bool KeepsAll(int model) => densities[model] >= 1;

    public void Apply(TensorBlock block, int model, float* delta) =>
        Chance.Keep(tensor.RandomKey(model), block.Start, delta, block.Padded, densities[model]);
}
