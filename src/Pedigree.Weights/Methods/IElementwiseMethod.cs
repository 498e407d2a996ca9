using Pedigree.Weights.Elementwise;

namespace Pedigree.Weights.Methods;

/// <summary>
/// A merge that is no weighted sum: each element follows from those of the models at its place, or in its row, and from what
/// passes over the whole tensor found before (thresholds, sums). Computed in float32, block by block, on several threads.
/// </summary>
public interface IElementwiseMethod : IMergeMethod
{
    /// <summary>
    /// Most magnitudes of given rank that are sought at once in a merge of so many models: each costs every thread some memory.
    /// </summary>
    int Ranked(int models) => 0;

    /// <summary>Prepares the merge of one tensor: passes over it whose findings the merge needs are taken here.</summary>
    /// <param name="tensor">The tensor in all models.</param>
    /// <param name="parameters">By name, the value for each model (the same for all where it is not given by model).</param>
    IElementwiseMerge Prepare(TensorSources tensor, IReadOnlyDictionary<string, double[]> parameters);
}

/// <summary>The merge of one tensor, prepared.</summary>
public interface IElementwiseMerge
{
    /// <summary>Whether every block must consist of whole rows.</summary>
    bool WholeRows => false;

    /// <summary>Writes <see cref="TensorBlock.Result"/>. Called on several threads, for the blocks in any order.</summary>
    void Merge(TensorBlock block);
}
