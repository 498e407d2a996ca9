using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Audit;

/// <summary>
/// Decides a run again with its kinship measured anew, from the weights alone: no Gram row of the store is read.
/// </summary>
internal sealed class KinshipAudit(
    RecordedActivities recorded, KinshipMeasurement kinship, IProgress<RunProgress>? progress, CancellationToken cancellation)
    : IActivities
{
    /// <exception cref="DifferenceException">The first kinship that comes out otherwise.</exception>
    public static async Task VerifyAsync(
        StoredRun run,
        IReadOnlyList<RunEvent> events,
        Models models,
        IProgress<RunProgress>? progress,
        CancellationToken cancellation)
    {
        RunSpec spec = events.OfType<RunStarted>().First().Spec;
        KinshipMeasurement kinship = new(models, new(run.Store, spec, run.LogAddress), new GramCache(null));
        try
        {
            await EvolutionRun.RunAsync(spec, new KinshipAudit(new(events), kinship, progress, cancellation));
        }
        catch (DivergedException difference)
        {
            throw new DifferenceException(run.LogAddress, $"line {difference.Index + 1}",
                $"kinship measured again from the weights is another than was recorded ({difference.Message})");
        }
    }

    public Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(KinshipRequest request) => kinship.MeasureAsync(
        request, new(progress, "measure", ModelReference.NamesOf(request.New)), cancellation);

    public Task<ModelAdmitted> AdmitAsync(ModelSource source) => recorded.AdmitAsync(source);

    public Task<ModelScores> EvaluateAsync(EvaluationRequest request) => recorded.EvaluateAsync(request);

    public Task<IReadOnlyList<ModelComparison>> CompareAsync(ComparisonRequest request) => recorded.CompareAsync(request);

    public Task<MergedModel> MergeAsync(MergeRequest request) => recorded.MergeAsync(request);

    public Task KeepAsync(KeepRequest request) => Task.CompletedTask;

    public Task<Continuation> ContinueAsync(int generation) => recorded.ContinueAsync(generation);

    public Task AppendAsync(RunEvent runEvent) => recorded.AppendAsync(runEvent);
}
