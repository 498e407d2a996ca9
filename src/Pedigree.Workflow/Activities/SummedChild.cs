using Pedigree.Evaluation.Residents;
using Pedigree.Storage;
using Pedigree.Weights.Merging;

namespace Pedigree.Workflow.Activities;

/// <summary>A child in the memory of a device, with its parents open.</summary>
internal sealed class SummedChild(OpenFamily family, SummedMerge plan, ResidentModel model) : IDisposable
{
    public SummedMerge Plan => plan;

    public ResidentModel Model => model;

    /// <summary>What its checkpoint would be; it is read once.</summary>
    public ChildOutline Describe(IStore store, IProgress<double>? progress, CancellationToken cancellation)
    {
        using WorkFolder work = store.CreateWorkFolder();
        return plan.Describe(model.Read, Path.Combine(work.Path, plan.Recipe.Digest), progress, cancellation);
    }

    public void Dispose()
    {
        model.Dispose();
        family.Dispose();
    }
}
