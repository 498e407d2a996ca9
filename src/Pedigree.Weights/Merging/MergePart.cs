using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Merging;

/// <summary>Tensors of a child that are merged from equally many sources.</summary>
/// <param name="Recipe">How, with the sources' digests for parents.</param>
/// <param name="Parents">The sources: models, or tensors of several models under the names that they have in the child.</param>
/// <param name="Ancestor">What the recipe calls so.</param>
internal sealed record MergePart(MergeRecipe Recipe, IReadOnlyList<Relative> Parents, Relative? Ancestor)
{
    /// <summary>The sources' measured rows, if they are known.</summary>
    public IReadOnlyList<GramRow>? Rows { get; init; }

    /// <summary>What is read: the parents, and last the origin if there is one.</summary>
    public IEnumerable<Relative> Sources => Recipe.Body.HasOrigin ? Parents.Append(Ancestor!) : Parents;

    /// <summary>
    /// The type that a tensor is written in. As in mergekit, it is the origin's where there is one and nothing else is said.
    /// </summary>
    public DType Written(string tensor) =>
        Recipe.Body.Written((Recipe.Body.HasOrigin ? Ancestor! : Parents[0]).Checkpoint.Find(tensor)!.DType);
}
