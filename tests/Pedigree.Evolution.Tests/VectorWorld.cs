using System.Text.Json.Nodes;

namespace Pedigree.Evolution.Tests;

/// <summary>
/// A world small enough to compute exactly: a model is its δ, a merge the mean of two, a score how near it comes to a target.
/// </summary>
internal sealed class VectorWorld(IReadOnlyDictionary<string, double[]> deltas, double[] target) : IActivities
{
    private readonly Dictionary<string, double[]> _known = new(deltas) { [RunState.BaseName] = new double[target.Length] };

    public List<RunEvent> Log { get; } = [];

    public int Computed { get; private set; }

    /// <summary>Children that can be merged but never scored.</summary>
    public HashSet<string> Unscorable { get; init; } = [];

    /// <summary>Children that cannot be made.</summary>
    public HashSet<string> Unmergeable { get; init; } = [];

    /// <summary>The p-value of every comparison; null where there are none.</summary>
    public double? PValue { get; init; }

    public int? StopAfter { get; init; }

    public int? PauseAfter { get; set; }

    /// <summary>Pieces of work after which someone says that the run shall end at once.</summary>
    public int EndAfter { get; init; } = int.MaxValue;

    public Task<ModelAdmitted> AdmitAsync(ModelSource source) =>
        UnlessTold(() => new ModelAdmitted(source.Name, source.Path, $"digest of {source.Path}", target.Length));

    public Task<ModelScores> EvaluateAsync(EvaluationRequest request) => Unscorable.Contains(request.Model.Name)
        ? Task.FromException<ModelScores>(new WorkFailedException("no score"))
        : UnlessTold(() => new ModelScores(
            [.. request.Tasks.Select(task => new TaskScore(task.Task, "acc", Score(request.Model)))]));

    public Task<IReadOnlyList<ModelComparison>> CompareAsync(ComparisonRequest request) =>
        Task.FromResult<IReadOnlyList<ModelComparison>>(PValue is not { } p ? []
            : [.. request.New.SelectMany(
                (added, number) => request.Rivals.Concat(request.New.Take(number)).Where(other => other.Name != added.Name)
                    .Select(
                        other => new ModelComparison(added.Name, other.Name, Score(added) - Score(other), p, "bootstrap", 10)))]);

    public Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(KinshipRequest request) =>
        Computing<IReadOnlyList<KinshipMeasured>>(() =>
        {
            List<ModelReference> before = [.. request.Known];
            List<KinshipMeasured> rows = [];
            foreach (ModelReference added in request.New)
            {
                rows.Add(new KinshipMeasured(added.Name, [.. before.Select(other => new KinshipEntry(
                    other.Name, Kinship(_known[added.Name], _known[other.Name]), request.Price))]));
                before.Add(added);
            }
            return rows;
        });

    public Task<MergedModel> MergeAsync(MergeRequest request) => Unmergeable.Contains(request.Child)
        ? Task.FromException<MergedModel>(new WorkFailedException("no merge"))
        : UnlessTold(() =>
        {
            _known[request.Child] =
                [.. _known[request.Parents[0].Name].Zip(_known[request.Parents[1].Name], (a, b) => (a + b) / 2)];
            return new MergedModel($"recipe of {request.Child}", $"content of {request.Child}");
        });

    public Task<Continuation> ContinueAsync(int generation) => Task.FromResult(
        generation == StopAfter ? Continuation.End : generation == PauseAfter ? Continuation.Pause : Continuation.GoOn);

    public Task KeepAsync(KeepRequest request) => Task.CompletedTask;

    public Task AppendAsync(RunEvent runEvent)
    {
        Log.Add(runEvent);
        return Task.CompletedTask;
    }

    /// <summary>A spec over the models of this world.</summary>
    public RunSpec Spec(string strategy, int k = 3, StopSpec? stop = null, KinshipMeasure measure = KinshipMeasure.Pearson) =>
        new()
        {
            Base = "base",
            Models = [.. deltas.Keys.Select(name => new ModelSource(name, $"models/{name}"))],
            Tasks = [new TaskSpec("nearness")],
            Merge = new JsonObject { ["method"] = "linear" },
            Strategy = new StrategySpec(strategy, k),
            Kinship = new KinshipSpec(measure),
            Stop = stop ?? new StopSpec(Kinship: null, Generations: 6, Patience: null),
            Seed = 7,
        };

    /// <summary>Four specialists, each strong along its own axis, and a target between them.</summary>
    public static VectorWorld Specialists(int endAfter = int.MaxValue, double? pValue = null) => new(
        new Dictionary<string, double[]>
        {
            ["math"] = [4, 0.3, -0.2, 0.1, 0.2, -0.1],
            ["code"] = [0.2, 3, 0.1, -0.3, 0.1, 0.2],
            ["chat"] = [-0.1, 0.2, 2, 0.2, -0.2, 0.1],
            ["poet"] = [0.1, -0.2, 0.2, 2.5, 0.3, -0.2],
        },
        [1.2, 0.9, 0.7, 0.6, 0, 0])
    {
        EndAfter = endAfter,
        PValue = pValue,
    };

    private double Score(ModelReference model) => -Distance(_known[model.Name], target);

    private Task<TResult> UnlessTold<TResult>(Func<TResult> compute) =>
        Computed >= EndAfter ? Task.FromException<TResult>(new ToldToStopException()) : Computing(compute);

    private Task<TResult> Computing<TResult>(Func<TResult> compute)
    {
        Computed++;
        return Task.FromResult(compute());
    }

    private static KinshipValue Kinship(double[] one, double[] other)
    {
        double[] left = [.. one.Select(x => x - one.Average())], right = [.. other.Select(x => x - other.Average())];
        return new KinshipValue(Cosine(left, right), Cosine(one, other), Distance(one, other));
    }

    private static double Cosine(double[] one, double[] other) => Dot(one, other) / Math.Sqrt(Dot(one, one) * Dot(other, other));

    private static double Distance(double[] one, double[] other) => Math.Sqrt(one.Zip(other, (a, b) => (a - b) * (a - b)).Sum());

    private static double Dot(double[] one, double[] other) => one.Zip(other, (a, b) => a * b).Sum();
}
