using Microsoft.DurableTask;
using Pedigree.Evaluation.Outside;
using Pedigree.Evolution;
using Pedigree.Functions.Activities;
using Pedigree.Weights;

namespace Pedigree.Functions.Orchestration;

/// <summary>
/// The activities of a run, each a durable activity. Events of a new run are kept until its models have been found right: until
/// then nothing is written. The run pauses after every generation, so that its orchestration can begin anew with a short history.
/// </summary>
internal sealed class DurableActivities : IActivities
{
    /// <summary>For faults that may pass: five tries in about two and a half minutes.</summary>
    public static readonly TaskOptions Retry = TaskOptions.FromRetryPolicy(
        new RetryPolicy(5, TimeSpan.FromSeconds(10), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromMinutes(5)));

    private readonly TaskOrchestrationContext _context;
    private readonly RunOrder _order;
    private readonly Publication _publication;
    private readonly Task _end;
    private readonly int _lastGeneration;
    private readonly List<RunEvent> _kept = [];
    private readonly List<string> _running = [];
    private Task? _begun;
    private int _decisions;
    private Progress _progress = new();

    public DurableActivities(
        TaskOrchestrationContext context, RunOrder order, IReadOnlyList<RunEvent> history, Publication publication)
    {
        (_context, _order, _publication) = (context, order, publication);
        _end = order.End ? Task.CompletedTask : context.WaitForExternalEvent<string?>(EvolveOrchestrator.EndEvent);
        _decisions = history.Count(recorded => recorded is not HostEvent);
        _begun = history.Count > 0 ? Task.CompletedTask : null;
        GenerationCompleted? last = history.OfType<GenerationCompleted>().LastOrDefault();
        _lastGeneration = last?.Generation ?? 0;
        Show(Seen(last));
    }

    public Task<ModelAdmitted> AdmitAsync(ModelSource source) =>
        UnlessTold(() => CallAsync<ModelSource, ModelAdmitted>(nameof(WorkActivities.Admit), source.Name, source));

    // Kinship is measured to its end all the same: half of its rows may be in the log already.
    public Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(KinshipRequest request) =>
        CallAsync<KinshipRequest, IReadOnlyList<KinshipMeasured>>(
            nameof(WorkActivities.MeasureKinship), ModelReference.NamesOf(request.New), request);

    public async Task<MergedModel> MergeAsync(MergeRequest request)
    {
        await BeginAsync();
        return await UnlessTold(() => CallAsync<MergeRequest, MergedModel>(nameof(WorkActivities.Merge), request.Child, request));
    }

    public Task<IReadOnlyList<ModelComparison>> CompareAsync(ComparisonRequest request) =>
        CallAsync<ComparisonRequest, IReadOnlyList<ModelComparison>>(
            nameof(WorkActivities.Compare), ModelReference.NamesOf(request.New), request);

    public async Task<ModelScores> EvaluateAsync(EvaluationRequest request)
    {
        await BeginAsync();
        return await UnlessTold(() =>
            CallAsync<EvaluationRequest, ModelScores>(nameof(WorkActivities.Evaluate), request.Model.Name, request));
    }

    // Versions 1 and 2 removed checkpoints, where there were any to be removed, and wrote none.
    public Task KeepAsync(KeepRequest request) =>
        _context.CompareVersionTo("3.0") >= 0
            ? CallAsync<KeepRequest, bool>(nameof(WorkActivities.Keep), ModelReference.NamesOf(request.Kept), request)
        : request.Others.Count == 0
            ? Task.CompletedTask
        : CallAsync<IReadOnlyList<ModelReference>, bool>(
            nameof(WorkActivities.Remove), ModelReference.NamesOf(request.Others), request.Others);

    public async Task<Continuation> ContinueAsync(int generation)
    {
        if (_end.IsCompleted)
            return Continuation.End;
        if (generation == _lastGeneration)
            return Continuation.GoOn;
        return await _context.CallActivityAsync<bool>(nameof(LogActivities.StopRequested), _order.Run, Retry)
            ? Continuation.End
            : Continuation.Pause;
    }

    public async Task AppendAsync(RunEvent runEvent)
    {
        if (_begun is null)
        {
            _kept.Add(runEvent);
            return;
        }
        await _begun;
        await RecordAsync([runEvent]);
        if (runEvent is GenerationCompleted generation)
            Show(Seen(generation));
    }

    /// <summary>Shows why the run cannot go on.</summary>
    public void Fail(Refusal error) => Show(_progress with { Running = [], Error = error });

    // What was decided so far is recorded before anything is made from it.
    private Task BeginAsync() => _begun ??= RecordAsync(_kept);

    private async Task RecordAsync(IReadOnlyList<RunEvent> events)
    {
        int first = _decisions;
        _decisions += events.Count;
        bool wanted = Of(Wire.Read<Outcome<bool>>(await _context.CallActivityAsync<string>(
            nameof(LogActivities.Append), Wire.Write(new Decisions(_order, first, Wire.WriteEvents(events))), Retry)));
        // Version 1 published between generations alone.
        if (wanted && _context.CompareVersionTo("2.0") >= 0)
            _publication.Begin();
    }

    private async Task<TResult> UnlessTold<TResult>(Func<Task<TResult>> work)
    {
        if (_end.IsCompleted)
            throw new ToldToStopException();
        Task<TResult> doing = work();
        return await Task.WhenAny(doing, _end) == doing ? await doing : throw new ToldToStopException();
    }

    private async Task<TResult> CallAsync<TRequest, TResult>(string activity, string name, TRequest request)
    {
        string work = $"{activity} {name}";
        _running.Add(work);
        Show(_progress);
        string outcome = await _context.CallActivityAsync<string>(
            activity, Wire.Write(new Work<TRequest>(_order, request)), Retry);
        _running.Remove(work);
        Show(_progress);
        return Of(Wire.Read<Outcome<TResult>>(outcome));
    }

    private static TResult Of<TResult>(Outcome<TResult> outcome) => outcome switch
    {
        { Failed: { } failed } => throw new WorkFailedException(failed),
        { Evaluator: { } evaluator } => throw new EvaluatorFailedException(evaluator),
        { Refused: { } refused } => throw new BadInputException(refused.File, refused.Field, refused.Reason),
        _ => outcome.Value!,
    };

    private Progress Seen(GenerationCompleted? generation) => generation is null ? _progress
        : _progress with { Generation = generation.Generation, Best = generation.Best, Kinship = generation.MeanKinship };

    private void Show(Progress progress) =>
        _context.SetCustomStatus(Wire.Write(_progress = progress with { Running = [.. _running] }));
}
