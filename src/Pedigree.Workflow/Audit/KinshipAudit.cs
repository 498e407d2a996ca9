using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Audit;

/// <summary>Decides a run again with its kinship measured anew, from the weights alone: no Gram row of the store is read.</summary>
internal sealed class KinshipAudit : IActivities
{
    private readonly RecordedActivities _recorded;
    private readonly KinshipMeasurement _kinship;
    private readonly IProgress<RunProgress>? _progress;
    private readonly CancellationToken _cancellation;

    private KinshipAudit(StoredRun run, RunSpec spec, Models models, RecordedActivities recorded, IProgress<RunProgress>? progress, CancellationToken cancellation) =>
        (_recorded, _kinship, _progress, _cancellation) = (
            recorded, new(models, new(run.Store, spec, run.LogAddress), new GramCache(null)), progress, cancellation);

    /// <exception cref="DifferenceException">The first kinship that comes out otherwise.</exception>
    public static async Task VerifyAsync(
        StoredRun run, IReadOnlyList<RunEvent> events, Models models, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        RunSpec spec = events.OfType<RunStarted>().First().Spec;
        try
        {
            await EvolutionRun.RunAsync(spec, new KinshipAudit(run, spec, models, new(events), progress, cancellation));
        }
        catch (DivergedException difference)
        {
            throw new DifferenceException(run.LogAddress, $"line {difference.Index + 1}",
                $"kinship measured again from the weights is another than was recorded ({difference.Message})");
        }
    }

    public Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(KinshipRequest request) => _kinship.MeasureAsync(
        request, new(_progress, "measure", string.Join(", ", request.New.Select(model => model.Name))), _cancellation);

    public Task<ModelAdmitted> AdmitAsync(ModelSource source) => _recorded.AdmitAsync(source);

    public Task<ModelScores> EvaluateAsync(EvaluationRequest request) => _recorded.EvaluateAsync(request);

    public Task<IReadOnlyList<ModelComparison>> CompareAsync(ComparisonRequest request) => _recorded.CompareAsync(request);

    public Task<MergedModel> MergeAsync(MergeRequest request) => _recorded.MergeAsync(request);

    public Task KeepAsync(KeepRequest request) => Task.CompletedTask;

    public Task<Continuation> ContinueAsync(int generation) => _recorded.ContinueAsync(generation);

    public Task AppendAsync(RunEvent runEvent) => _recorded.AppendAsync(runEvent);
}
