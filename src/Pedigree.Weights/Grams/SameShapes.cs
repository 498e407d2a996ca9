using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Grams;

/// <summary>Whether two checkpoints have the same architecture and tensors.</summary>
internal static class SameShapes
{
    /// <exception cref="BadInputException">A tensor is missing or has another shape, or the architecture differs.</exception>
    public static void Check(Checkpoint reference, Checkpoint other) => CheckpointCompatibility.Require(reference, other);
}
