using System.Diagnostics;
using Pedigree.Evaluation.Residents;
using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Workflow.Activities;

/// <summary>The activities of a run, carried out here: one at a time, in the order in which they were asked for.</summary>
internal sealed class EmbeddedActivities(
    StoredRun run, SpecFile spec, RunJournal journal, IProgress<RunProgress>? progress,
    CancellationToken cancellation, CancellationToken end, ResidentModels? device) : IActivities, IDisposable
{
    private readonly RunWork _work = new(journal.Store, spec, progress, device: device);
    private readonly CancellationTokenSource _either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, end);
    private Task _last = Task.CompletedTask;
    private bool _broken;

    public Task<ModelAdmitted> AdmitAsync(ModelSource source) =>
        InTurn("admit", source.Name, () => UnlessTold(() => _work.AdmitAsync(source, cancellation)));

    public Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(KinshipRequest request) =>
        InTurn("measure", ModelReference.NamesOf(request.New), () => _work.MeasureKinshipAsync(request, cancellation));

    public Task<MergedModel> MergeAsync(MergeRequest request) => InTurn("merge", request.Child, async () =>
    {
        await journal.TakeUpAsync(cancellation);
        return await UnlessTold(() => _work.MergeAsync(request, _either.Token));
    });

    public Task<ModelScores> EvaluateAsync(EvaluationRequest request) => InTurn("evaluate", request.Model.Name, async () =>
    {
        await journal.TakeUpAsync(cancellation);
        return await UnlessTold(() => _work.EvaluateAsync(request, _either.Token));
    });

    public Task<IReadOnlyList<ModelComparison>> CompareAsync(ComparisonRequest request) =>
        InTurn("compare", ModelReference.NamesOf(request.New), () => _work.CompareAsync(request, cancellation));

    public Task KeepAsync(KeepRequest request) => InTurn("keep", ModelReference.NamesOf(request.Kept), async () =>
    {
        await journal.TakeUpAsync(cancellation);
        return await _work.KeepAsync(request, cancellation);
    });

    public async Task<Continuation> ContinueAsync(int generation) =>
        end.IsCancellationRequested || await run.StopRequestedAsync(cancellation) ? Continuation.End : Continuation.GoOn;

    public async Task AppendAsync(RunEvent runEvent)
    {
        cancellation.ThrowIfCancellationRequested();
        if (journal.History.Count > 0)
            await journal.TakeUpAsync(cancellation);
        await journal.AppendAsync(runEvent, cancellation);
    }

    /// <summary>Waits until nothing is being done any more.</summary>
    public Task FinishAsync()
    {
        _broken = true;
        return _last;
    }

    public void Dispose() => _either.Dispose();

    private Task<TResult> InTurn<TResult>(string activity, string name, Func<Task<TResult>> work)
    {
        Task before = _last;
        Task<TResult> mine = Task.Run(async () =>
        {
            // Yielding, so that whoever awaits the work before can record it first.
            await before.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            return await DoAsync(activity, name, work);
        });
        _last = mine.ContinueWith(
            _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return mine;
    }

    // Kinship is measured to its end all the same: half of its rows may be in the log already.
    private async Task<TResult> UnlessTold<TResult>(Func<Task<TResult>> work)
    {
        try
        {
            return end.IsCancellationRequested ? throw new ToldToStopException() : await work();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new ToldToStopException();
        }
    }

    private async Task<TResult> DoAsync<TResult>(string activity, string name, Func<Task<TResult>> work)
    {
        cancellation.ThrowIfCancellationRequested();
        if (_broken)
            throw new OperationCanceledException("an earlier piece of work could not be done");
        using Activity? span = Telemetry.Source.StartActivity(activity)?.AddTag("pedigree.model", name);
        try
        {
            return await work();
        }
        catch (Exception error) when (error is not WorkFailedException)
        {
            _broken = true;
            span?.SetStatus(ActivityStatusCode.Error, error.Message);
            throw;
        }
    }
}
