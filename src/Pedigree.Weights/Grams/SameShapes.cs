using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Grams;

/// <summary>Whether two checkpoints have the same tensors.</summary>
internal static class SameShapes
{
    /// <exception cref="BadInputException">A tensor is missing, has another shape, or is of float type in only one.</exception>
    public static void Check(Checkpoint reference, Checkpoint other)
    {
        foreach (var tensor in reference.Tensors)
        {
            var match = other.Find(tensor.Name)
                ?? throw new BadInputException(other.Folder, tensor.Name, $"is missing; {reference.Folder} has it");
            if (!match.Shape.SequenceEqual(tensor.Shape))
                throw new BadInputException(other.Folder, tensor.Name,
                    $"has shape [{string.Join(", ", match.Shape)}], but [{string.Join(", ", tensor.Shape)}] in {reference.Folder}");
        }
        if (other.Tensors.FirstOrDefault(tensor => reference.Find(tensor.Name) is null) is { } extra)
            throw new BadInputException(other.Folder, extra.Name, $"is not in {reference.Folder}; models must have the same tensors");
    }
}
