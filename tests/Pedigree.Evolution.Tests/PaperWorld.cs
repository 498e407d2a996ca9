using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pedigree.Evolution.Tests;

/// <summary>
/// The paper's main run as a world: whoever merges two models that the paper merged gets its child's scores and kinship.
/// Kinship of pairs that the paper did not print is taken as high, so that it never draws an exploration.
/// </summary>
internal sealed class PaperWorld : IActivities
{
    private const double Unprinted = 1;
    private readonly Dictionary<string, PaperModel> _byName;
    private readonly Dictionary<Pair, PaperModel> _byParents;
    private readonly Dictionary<string, string> _paperName = [];

    public PaperWorld(string run)
    {
        string file = Path.Combine(AppContext.BaseDirectory, "Golden", "paper-run.json");
        PaperRun paper = JsonSerializer.Deserialize<PaperRun>(File.ReadAllText(file), JsonSerializerOptions.Web)!;
        _byName = paper.Models.ToDictionary(model => model.Name);
        _byParents = paper.Models.Where(model => model.Parents is not null)
            .ToDictionary(model => new Pair(model.Parents![0], model.Parents[1]));
        MergesOfThePaper = paper.Models.Count(model => model.Runs?.Contains(run) == true);
        Spec = new RunSpec
        {
            Base = "mistral-7b",
            Models =
                [.. paper.Models.Where(model => model.Generation == 0).Select(model => new ModelSource(model.Name, model.Name))],
            Tasks = [.. paper.Tasks.Select(task => new TaskSpec(task))],
            Merge = new JsonObject { ["method"] = "slerp" },
            Strategy = new StrategySpec(run, paper.K),
            Stop = new StopSpec(Kinship: null, Generations: null, Patience: null),
        };
    }

    public RunSpec Spec { get; }

    public int MergesOfThePaper { get; }

    public List<RunEvent> Log { get; } = [];

    /// <summary>The pairs chosen in a generation, in the paper's names, each pair sorted, "a+b".</summary>
    public IEnumerable<string> Pairs(int generation) =>
        Log.OfType<ParentsSelected>().Single(e => e.Generation == generation).Pairs
            .Select(pair => Named(pair.First, pair.Second)).Order(StringComparer.Ordinal);

    /// <summary>The pairs that the paper merged in a generation of one of its runs.</summary>
    public IEnumerable<string> PaperPairs(int generation) => _byParents.Values
        .Where(model => model.Generation == generation && model.Runs!.Contains(Spec.Strategy.Name))
        .Select(model => Joined(model.Parents![0], model.Parents[1])).Order(StringComparer.Ordinal);

    /// <summary>A pair in the paper's names.</summary>
    public string Named(string one, string other) => Joined(PaperName(one), PaperName(other));

    public Task<ModelAdmitted> AdmitAsync(ModelSource source) =>
        Task.FromResult(new ModelAdmitted(source.Name, source.Path, source.Path, 7_241_732_096));

    public Task<IReadOnlyList<ModelComparison>> CompareAsync(ComparisonRequest request) =>
        Task.FromResult<IReadOnlyList<ModelComparison>>([]);

    public Task<ModelScores> EvaluateAsync(EvaluationRequest request) => Task.FromResult(new ModelScores(
        [.. Spec.Tasks.Select((task, index) => new TaskScore(task.Task, "acc", request.Model.Name == RunState.BaseName
            ? 0 : _byName[PaperName(request.Model.Name)].Scores[index]))]));

    public Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(KinshipRequest request)
    {
        List<ModelReference> before = [.. request.Known];
        List<KinshipMeasured> rows = [];
        foreach (ModelReference added in request.New)
        {
            rows.Add(new KinshipMeasured(added.Name, [.. before.Select(other => new KinshipEntry(
                other.Name, Value(PaperName(added.Name), PaperName(other.Name)), KinshipPrice.Measured))]));
            before.Add(added);
        }
        return Task.FromResult<IReadOnlyList<KinshipMeasured>>(rows);
    }

    public Task<MergedModel> MergeAsync(MergeRequest request)
    {
        Pair parents = new(PaperName(request.Parents[0].Name), PaperName(request.Parents[1].Name));
        _paperName[request.Child] = _byParents.TryGetValue(parents, out PaperModel? child)
            ? child.Name : throw new InvalidOperationException($"the paper never merged {parents.First} and {parents.Second}");
        return Task.FromResult(new MergedModel(child.Name, child.Name));
    }

    public Task<Continuation> ContinueAsync(int generation) => Task.FromResult(Continuation.GoOn);

    public Task KeepAsync(KeepRequest request) => Task.CompletedTask;

    public Task AppendAsync(RunEvent runEvent)
    {
        Log.Add(runEvent);
        return Task.CompletedTask;
    }

    private static string Joined(string one, string other) =>
        string.CompareOrdinal(one, other) <= 0 ? $"{one}+{other}" : $"{other}+{one}";

    private string PaperName(string name) => _paperName.GetValueOrDefault(name, name);

    private KinshipValue Value(string one, string other)
    {
        double kinship = _byParents.TryGetValue(new Pair(one, other), out PaperModel? child) ? child.Kinship!.Value : Unprinted;
        return new KinshipValue(kinship, kinship, 1);
    }

    private sealed record PaperRun(string[] Tasks, int K, PaperModel[] Models);

    private sealed record PaperModel(
        string Name, int Generation, string[]? Parents, double[] Scores, double? Kinship, string[]? Runs);
}
