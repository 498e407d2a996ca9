using Microsoft.Azure.Functions.Worker;
using Pedigree.Evolution;
using Pedigree.Functions.Orchestration;
using Pedigree.Storage;
using Pedigree.Workflow.Activities;

namespace Pedigree.Functions.Activities;

/// <summary>What a run has made: one piece of work a call, on whichever worker is free.</summary>
public sealed class WorkActivities(IStore store)
{
    /// <summary>Opens, checks and names a checkpoint.</summary>
    [Function(nameof(Admit))]
    public Task<string> Admit([ActivityTrigger] string work, CancellationToken cancellation) =>
        DoAsync<ModelSource, ModelAdmitted>(work, (run, source) => run.AdmitAsync(source, cancellation));

    /// <summary>Measures kinship.</summary>
    [Function(nameof(MeasureKinship))]
    public Task<string> MeasureKinship([ActivityTrigger] string work, CancellationToken cancellation) =>
        DoAsync<KinshipRequest, IReadOnlyList<KinshipMeasured>>(
            work, (run, request) => run.MeasureKinshipAsync(request, cancellation));

    /// <summary>Makes a child.</summary>
    [Function(nameof(Merge))]
    public Task<string> Merge([ActivityTrigger] string work, CancellationToken cancellation) =>
        DoAsync<MergeRequest, MergedModel>(work, (run, request) => run.MergeAsync(request, cancellation));

    /// <summary>Scores a model.</summary>
    [Function(nameof(Evaluate))]
    public Task<string> Evaluate([ActivityTrigger] string work, CancellationToken cancellation) =>
        DoAsync<EvaluationRequest, ModelScores>(work, (run, request) => run.EvaluateAsync(request, cancellation));

    /// <summary>Compares models item by item.</summary>
    [Function(nameof(Compare))]
    public Task<string> Compare([ActivityTrigger] string work, CancellationToken cancellation) =>
        DoAsync<ComparisonRequest, IReadOnlyList<ModelComparison>>(
            work, (run, request) => run.CompareAsync(request, cancellation));

    /// <summary>Writes checkpoints that are kept and lack, and removes the others.</summary>
    [Function(nameof(Keep))]
    public Task<string> Keep([ActivityTrigger] string work, CancellationToken cancellation) =>
        DoAsync<KeepRequest, bool>(work, (run, request) => run.KeepAsync(request, cancellation));

    /// <summary>Removes checkpoints that are not kept, for generations that versions 1 and 2 have begun.</summary>
    [Function(nameof(Remove))]
    public Task<string> Remove([ActivityTrigger] string work, CancellationToken cancellation) =>
        DoAsync<IReadOnlyList<ModelReference>, bool>(work, (run, children) => run.KeepAsync(new([], children), cancellation));

    private async Task<string> DoAsync<TRequest, TResult>(string text, Func<RunWork, TRequest, Task<TResult>> activity)
    {
        Work<TRequest> work = Wire.Read<Work<TRequest>>(text);
        return await Outcomes.OfAsync(() => activity(new(store, work.Order.SpecFile), work.Request));
    }
}
