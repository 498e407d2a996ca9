using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Workflow.Activities;

/// <summary>The activities of a run, carried out here: one at a time, in the order in which they were asked for.</summary>
internal sealed class EmbeddedActivities : IActivities
{
    private readonly RunFolder _folder;
    private readonly RunJournal _journal;
    private readonly IProgress<RunProgress>? _progress;
    private readonly CancellationToken _cancellation;
    private readonly CancellationToken _end;
    private readonly CancellationToken _either;
    private readonly Admission _admission;
    private readonly KinshipMeasurement _kinship;
    private readonly Merging _merging;
    private readonly Evaluation _evaluation;
    private Task _last = Task.CompletedTask;
    private bool _broken;

    public EmbeddedActivities(
        Store store, RunFolder folder, SpecFile spec, RunJournal journal, IProgress<RunProgress>? progress,
        CancellationToken cancellation, CancellationToken end)
    {
        (_folder, _journal, _progress, _cancellation, _end) = (folder, journal, progress, cancellation, end);
        _either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, end).Token;
        Models models = new(store);
        GramCache grams = new(store);
        Recipes recipes = new(store, spec.Spec, spec.Path);
        _admission = new(store, spec, journal, models, recipes);
        _kinship = new(journal, models, recipes, grams);
        _merging = new(store, journal, models, recipes, grams);
        _evaluation = new(store, spec, journal, models);
    }

    public Task<ModelAdmitted> AdmitAsync(ModelSource source) =>
        InTurn("admit", source.Name, _ => UnlessTold(() => _admission.AdmitAsync(source, _cancellation).GetAwaiter().GetResult()));

    public Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(KinshipRequest request) =>
        InTurn("measure", string.Join(", ", request.New.Select(model => model.Name)),
            progress => _kinship.Measure(request, progress, _cancellation));

    public Task<MergedModel> MergeAsync(MergeRequest request)
    {
        _journal.TakeUp();
        return InTurn("merge", request.Child, progress => UnlessTold(() => _merging.Merge(request, progress, _either)));
    }

    public Task<IReadOnlyList<TaskScore>> EvaluateAsync(EvaluationRequest request)
    {
        _journal.TakeUp();
        return InTurn("evaluate", request.Model.Name, progress => UnlessTold(() => _evaluation.Evaluate(request, progress, _either)));
    }

    public Task<Continuation> ContinueAsync(int generation) =>
        Task.FromResult(_folder.StopRequested || _end.IsCancellationRequested ? Continuation.End : Continuation.GoOn);

    public Task AppendAsync(RunEvent runEvent)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (_journal.History.Count > 0)
            _journal.TakeUp();
        _journal.Append(runEvent);
        return Task.CompletedTask;
    }

    /// <summary>Waits until nothing is being done any more.</summary>
    public Task FinishAsync()
    {
        _broken = true;
        return _last;
    }

    private Task<TResult> InTurn<TResult>(string activity, string name, Func<Action<double>, TResult> work)
    {
        Task before = _last;
        Task<TResult> mine = Task.Run(async () =>
        {
            // Yielding, so that whoever awaits the work before can record it first.
            await before.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            return Do(activity, name, work);
        });
        _last = mine.ContinueWith(
            _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return mine;
    }

    // Kinship is measured to its end all the same: half of its rows may be in the log already.
    private TResult UnlessTold<TResult>(Func<TResult> work)
    {
        try
        {
            return _end.IsCancellationRequested ? throw new ToldToStopException() : work();
        }
        catch (OperationCanceledException) when (!_cancellation.IsCancellationRequested)
        {
            throw new ToldToStopException();
        }
    }

    private TResult Do<TResult>(string activity, string name, Func<Action<double>, TResult> work)
    {
        _cancellation.ThrowIfCancellationRequested();
        if (_broken)
            throw new OperationCanceledException("an earlier piece of work could not be done");
        try
        {
            void Report(double fraction) => _progress?.Report(new WorkProgress(activity, name, fraction));
            Report(0);
            TResult result = work(Report);
            Report(1);
            return result;
        }
        catch (Exception error) when (error is not WorkFailedException)
        {
            _broken = true;
            throw;
        }
    }
}
