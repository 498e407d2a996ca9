using System.Collections.Immutable;

namespace Pedigree.Evolution;

/// <summary>A node of the pedigree.</summary>
/// <param name="Generation">0 for an admitted model.</param>
/// <param name="Parents">The better one first; empty for an admitted model.</param>
/// <param name="Average">Null until it is evaluated.</param>
/// <param name="Partial">Not null where it was given up early, and the scores are estimates.</param>
public sealed record Model(
    string Name, string Digest, int Generation, ImmutableArray<string> Parents, Purpose? Purpose,
    IReadOnlyList<TaskScore> Scores, double? Average, PartialEvaluation? Partial = null);

/// <summary>Two models without order.</summary>
public readonly record struct Pair
{
    /// <summary>The pair of these two names.</summary>
    public Pair(string one, string other) =>
        (First, Second) = string.CompareOrdinal(one, other) <= 0 ? (one, other) : (other, one);

    /// <summary>The name that sorts first.</summary>
    public string First { get; }

    /// <summary>The name that sorts second.</summary>
    public string Second { get; }
}

/// <summary>What is known after a number of events. Every decision is a function of it alone.</summary>
public sealed record RunState
{
    /// <summary>The name of the base, which is no member of the population.</summary>
    public const string BaseName = "base";

    /// <summary>Nothing has happened.</summary>
    public static RunState Empty { get; } = new();

    /// <summary>The state after events, the first of a run among them.</summary>
    public static RunState Of(IEnumerable<RunEvent> events) => events.Aggregate(Empty, (before, next) => before.Apply(next));

    /// <summary>What was asked for; null before <see cref="RunStarted"/>.</summary>
    public RunSpec? Spec { get; private init; }

    /// <summary>The common ancestor, once admitted.</summary>
    public Model? Base { get; private init; }

    /// <summary>All models by name, the base not among them, failed ones neither.</summary>
    public ImmutableSortedDictionary<string, Model> Models { get; private init; } =
        ImmutableSortedDictionary.Create<string, Model>(StringComparer.Ordinal);

    /// <summary>The base and the models of the spec, once admitted.</summary>
    public IEnumerable<Model> Founders => Models.Values.Where(model => model.Generation == 0).Prepend(Base!);

    /// <summary>Kinship of every pair that is known.</summary>
    public ImmutableDictionary<Pair, KinshipValue> Kinships { get; private init; } =
        ImmutableDictionary<Pair, KinshipValue>.Empty;

    /// <summary>Every pair ever chosen, and its child's name.</summary>
    public ImmutableDictionary<Pair, string> Merged { get; private init; } = ImmutableDictionary<Pair, string>.Empty;

    /// <summary>Models that were compared item by item, the newer one first in the key.</summary>
    public ImmutableDictionary<(string Newer, string Older), ModelComparison> Comparisons { get; private init; } =
        ImmutableDictionary<(string, string), ModelComparison>.Empty;

    /// <summary>The generations, the admitted models' own being the first.</summary>
    public ImmutableList<GenerationCompleted> Generations { get; private init; } = [];

    /// <summary>Name and version of what scored the models so far; null where that is not known.</summary>
    public string? Evaluator { get; private init; }

    /// <summary>Merges made.</summary>
    public int Merges { get; private init; }

    /// <summary>Models evaluated, the base included.</summary>
    public int Evaluations { get; private init; }

    /// <summary>How the run ended; null while it goes on.</summary>
    public RunCompleted? Completed { get; private init; }

    /// <summary>The next generation's number.</summary>
    public int NextGeneration => Generations.Count;

    /// <summary>All evaluated models, best first, ties by name.</summary>
    public ImmutableArray<Model> Population =>
        [.. Models.Values.Where(model => model.Average is not null).OrderByDescending(model => model.Average)];

    /// <summary>S: the k best.</summary>
    public ImmutableArray<Model> Selected => TopK.Of(this);

    /// <summary>k.</summary>
    public int SelectedSize => Spec!.Strategy.K ?? Math.Min(3, Spec.Models.Count);

    /// <summary>How two models compare, whichever is the newer; null where they were not compared.</summary>
    public ModelComparison? Compare(string one, string other) =>
        Comparisons.TryGetValue((one, other), out ModelComparison? known) ? known
            : Comparisons.TryGetValue((other, one), out known)
                ? known with { First = one, Second = other, Difference = -known.Difference }
            : null;

    /// <summary>The run's measure of kinship between two models.</summary>
    public double Kinship(string one, string other) => Kinships[new Pair(one, other)][Spec!.Kinship.Measure];

    /// <summary>Kinship of any two models in any measure, of a model with itself too; null where it is not known.</summary>
    public double? Kinship(KinshipMeasure measure, string one, string other) =>
        one == other ? (measure == KinshipMeasure.Euclidean ? 0 : 1)
            : Kinships.TryGetValue(new Pair(one, other), out KinshipValue? known) ? known[measure]
            : null;

    /// <summary>Mean over the pairs of a set (paper, Eq. 4); null for fewer than two models.</summary>
    public double? MeanKinship(IReadOnlyList<Model> set)
    {
        double sum = 0;
        int pairs = 0;
        foreach ((Model first, Model second) in PairsOf(set))
        {
            sum += Kinship(first.Name, second.Name);
            pairs++;
        }
        return pairs == 0 ? null : sum / pairs;
    }

    /// <summary>Every pair of a list, in its order: (0,1), (0,2) … (1,2) ….</summary>
    public static IEnumerable<(Model First, Model Second)> PairsOf(IReadOnlyList<Model> set) =>
        from first in Enumerable.Range(0, set.Count)
        from second in Enumerable.Range(first + 1, set.Count - first - 1)
        select (set[first], set[second]);

    /// <summary>The model of that name, the base included.</summary>
    public Model Find(string name) => name == BaseName ? Base! : Models[name];

    /// <summary>
    /// Average minus the mean of the parents' (paper, Eq. 6); null without parents, and where the average is an estimate.
    /// </summary>
    public double? Gain(string name, double average) =>
        Find(name) is { Partial: null, Parents: { Length: > 0 } parents }
            ? average - parents.Average(parent => Models[parent].Average!.Value)
            : null;

    /// <summary>The state after one more event.</summary>
    public RunState Apply(RunEvent next) => next switch
    {
        RunStarted started => this with { Spec = started.Spec },
        ModelAdmitted { Name: BaseName } admitted => this with { Base = Admitted(admitted) },
        ModelAdmitted admitted => this with { Models = Models.Add(admitted.Name, Admitted(admitted)) },
        ModelEvaluated evaluated => Evaluated(evaluated),
        ModelsCompared compared => this with
        {
            Comparisons = Comparisons.SetItems(compared.Comparisons.Select(
                comparison => KeyValuePair.Create((comparison.First, comparison.Second), comparison))),
        },
        KinshipMeasured row => this with
        {
            Kinships = Kinships.SetItems(row.Row.Select(
                entry => KeyValuePair.Create(new Pair(row.Name, entry.Other), entry.Value))),
        },
        ParentsSelected selected => this with
        {
            Merged = Merged.SetItems(selected.Pairs.Select(
                pair => KeyValuePair.Create(new Pair(pair.First, pair.Second), pair.Child))),
        },
        MergeCompleted merged => this with
        {
            Models = Models.Add(merged.Name, new Model(
                merged.Name, merged.Digest, merged.Generation, [.. merged.Parents], merged.Purpose, [], null)),
            Merges = Merges + 1,
        },
        GenerationCompleted generation => this with { Generations = Generations.Add(generation) },
        WorkFailed failed => this with { Models = Models.Remove(failed.Name) },
        RunCompleted completed => this with { Completed = completed },
        HostEvent => this,
        _ => throw new ArgumentOutOfRangeException(nameof(next), next, "no such event"),
    };

    private static Model Admitted(ModelAdmitted admitted) => new(admitted.Name, admitted.Digest, 0, [], null, [], null);

    private RunState Evaluated(ModelEvaluated evaluated)
    {
        Model model = Find(evaluated.Name) with
        {
            Scores = evaluated.Scores,
            Average = evaluated.Average,
            Partial = evaluated.Partial,
        };
        RunState counted = this with { Evaluations = Evaluations + 1, Evaluator = Evaluator ?? evaluated.Evaluator };
        return evaluated.Name == BaseName
            ? counted with { Base = model }
            : counted with { Models = Models.SetItem(model.Name, model) };
    }
}
