using Pedigree.Weights.Elementwise;

namespace Pedigree.Weights.Methods.TaskVectors;

/// <summary>Which elements of each task vector are kept.</summary>
internal unsafe interface ISelection
{
    /// <summary>Whether every block must consist of whole rows.</summary>
    bool WholeRows => false;

    /// <summary>Whether everything of a model is kept.</summary>
    bool KeepsAll(int model);

    /// <summary>Sets the elements that are not kept to zero.</summary>
    void Apply(TensorBlock block, int model, float* delta);
}
