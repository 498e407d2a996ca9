namespace Pedigree.Evolution;

/// <summary>
/// Feeds a run from its log. Outcomes are taken from the events, and every event the run decides must equal the one recorded.
/// Where the log ends, <paramref name="live"/> goes on; without one (an audit) the run stops with
/// <see cref="HistoryEndedException"/>.
/// </summary>
/// <exception cref="DivergedException">The run decides something else than was recorded.</exception>
public sealed class RecordedActivities(IReadOnlyList<RunEvent> history, IActivities? live = null) : IActivities
{
    private readonly Dictionary<string, ModelAdmitted> _admitted = Index<ModelAdmitted>(history, e => e.Name);
    private readonly Dictionary<string, ModelEvaluated> _evaluated = Index<ModelEvaluated>(history, e => e.Name);
    private readonly Dictionary<string, KinshipMeasured> _measured = Index<KinshipMeasured>(history, e => e.Name);
    private readonly Dictionary<string, MergeCompleted> _merged = Index<MergeCompleted>(history, e => e.Name);
    private readonly Dictionary<(string, string), WorkFailed> _failed =
        history.OfType<WorkFailed>().DistinctBy(e => (e.Activity, e.Name)).ToDictionary(e => (e.Activity, e.Name));
    private readonly HashSet<int> _begunGenerations = [.. history.OfType<ParentsSelected>().Select(e => e.Generation)];
    private readonly Dictionary<int, ModelsCompared> _compared =
        history.OfType<ModelsCompared>().DistinctBy(e => e.Generation).ToDictionary(e => e.Generation);
    private readonly HashSet<int> _completedGenerations = [.. history.OfType<GenerationCompleted>().Select(e => e.Generation)];
    private readonly RunCompleted? _completed = history.OfType<RunCompleted>().FirstOrDefault();
    private int _next;

    /// <summary>Number of recorded events that the run has decided again so far, host events included.</summary>
    public int Replayed => _next;

    /// <inheritdoc/>
    public Task<ModelAdmitted> AdmitAsync(ModelSource source) =>
        _admitted.TryGetValue(source.Name, out ModelAdmitted? known)
            ? Task.FromResult(known)
            : Work(live => live.AdmitAsync(source));

    /// <inheritdoc/>
    public Task<ModelScores> EvaluateAsync(EvaluationRequest request)
    {
        if (_failed.TryGetValue(("evaluate", request.Model.Name), out WorkFailed? failure))
            return Task.FromException<ModelScores>(new WorkFailedException(failure.Error));
        return _evaluated.TryGetValue(request.Model.Name, out ModelEvaluated? known)
            ? Task.FromResult(new ModelScores(known.Scores, known.Evaluator, known.Partial))
            : Work(live => live.EvaluateAsync(request));
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ModelComparison>> CompareAsync(ComparisonRequest request)
    {
        if (_compared.TryGetValue(request.Generation, out ModelsCompared? known))
            return Task.FromResult(known.Comparisons);
        return _completedGenerations.Contains(request.Generation)
            ? Task.FromResult<IReadOnlyList<ModelComparison>>([])
            : Live.CompareAsync(request);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(KinshipRequest request) =>
        request.New.All(model => _measured.ContainsKey(model.Name))
            ? Task.FromResult<IReadOnlyList<KinshipMeasured>>([.. request.New.Select(model => _measured[model.Name])])
            : Live.MeasureKinshipAsync(request);

    /// <inheritdoc/>
    public Task<MergedModel> MergeAsync(MergeRequest request)
    {
        if (_failed.TryGetValue(("merge", request.Child), out WorkFailed? failure))
            return Task.FromException<MergedModel>(new WorkFailedException(failure.Error));
        return _merged.TryGetValue(request.Child, out MergeCompleted? known)
            ? Task.FromResult(new MergedModel(known.Digest, known.Content, known.Device))
            : Work(live => live.MergeAsync(request));
    }

    /// <inheritdoc/>
    public Task KeepAsync(KeepRequest request) =>
        // Where something was recorded since, it is done; otherwise the same call does what is left.
        _next == history.Count && live is not null ? live.KeepAsync(request) : Task.CompletedTask;

    /// <inheritdoc/>
    public Task<Continuation> ContinueAsync(int generation)
    {
        if (_begunGenerations.Contains(generation + 1))
            return Task.FromResult(Continuation.GoOn);
        return _completed is null ? Live.ContinueAsync(generation)
            : Task.FromResult(_completed.Reason == StopReason.Told ? Continuation.End : Continuation.GoOn);
    }

    /// <inheritdoc/>
    public Task AppendAsync(RunEvent runEvent)
    {
        SkipHostEvents();
        if (_next == history.Count)
            return Live.AppendAsync(runEvent);
        if (!EventJson.Same(history[_next], runEvent))
            throw new DivergedException(_next, history[_next], runEvent);
        _next++;
        SkipHostEvents();
        return Task.CompletedTask;
    }

    // What a run that was told to end had not finished by then, it was told not to do.
    private Task<TResult> Work<TResult>(Func<IActivities, Task<TResult>> activity) =>
        _completed?.Reason == StopReason.Told ? Task.FromException<TResult>(new ToldToStopException()) : activity(Live);

    private IActivities Live => live ?? throw new HistoryEndedException(history.Count);

    private void SkipHostEvents()
    {
        while (_next < history.Count && history[_next] is HostEvent)
            _next++;
    }

    private static Dictionary<string, TEvent> Index<TEvent>(IReadOnlyList<RunEvent> history, Func<TEvent, string> name)
        where TEvent : RunEvent => history.OfType<TEvent>().DistinctBy(name).ToDictionary(name);
}

/// <summary>The code decides otherwise than the log says.</summary>
/// <param name="index">Position of the recorded event in the log, from 0.</param>
/// <param name="recorded">What the log says.</param>
/// <param name="decided">What the code decides.</param>
public sealed class DivergedException(int index, RunEvent recorded, RunEvent decided)
    : Exception($"event {index + 1}: recorded {Describe(recorded)}, decided {Describe(decided)}")
{
    /// <summary>Position of the recorded event in the log, from 0.</summary>
    public int Index { get; } = index;

    private static string Describe(RunEvent runEvent) =>
        $"{EventJson.TypeOf(runEvent)} {EventJson.ToJson(runEvent).ToJsonString(EventJson.Options)}";
}

/// <summary>An audit came to the end of the log before the end of the run.</summary>
public sealed class HistoryEndedException(int events)
    : Exception($"the log ends after {events} events, before the run was completed");
