using System.Globalization;
using Pedigree.Benchmarks;
using Pedigree.Weights.Grams;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
string? Option(string name) => Array.IndexOf(args, name) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
if (args.Contains("--help"))
{
    Console.WriteLine("""
        Measures merging and kinship on this machine, beside what its disk cache allows and what others' way of computing takes.
          --parameters N   of each of the five models, in millions (500)
          --one-tensor     all of them in one matrix
          --runs N         runs of each, alternating; medians are shown (5)
          --folder F       where to put the models and outputs: 12 bytes for each parameter (a temporary folder)
          --no-peers       leave out the others' way, which needs 24 bytes of memory for each parameter
          --methods        merge methods beside mergekit's way instead of SLERP and kinship
          --method NAMES   with --methods: only these, separated by commas
          --as-found       memory is not touched before a run
          --cold           with --methods: the models are read from disk
          --scaling        SLERP and linear merges from 0.1 to 4 billion parameters: 6 bytes of disk for each
          --evaluation     measure scoring and writing instead
          --accuracy       compare every element with scalar float64 instead
        """);
    return;
}
if (Option("--measure") is { } work)
{
    Memory.Measure(Option("--folder")!, work);
    return;
}

var parameters = long.Parse(Option("--parameters") ?? "500") * 1_000_000;
var runs = int.Parse(Option("--runs") ?? "5");
Timing.TouchesMemory = !args.Contains("--as-found");
var peers = !args.Contains("--no-peers");
var folder = Path.Combine(Option("--folder") ?? Path.GetTempPath(), $"pedigree-benchmark-{Environment.ProcessId}");
var target = Path.Combine(folder, "out");
try
{
    if (args.Contains("--evaluation"))
    {
        EvaluationSpeed.Compare(folder, runs);
        return;
    }
    if (args.Contains("--scaling"))
    {
        Scaling.Run(folder, runs);
        return;
    }
    SampleModels.Write(folder, parameters, args.Contains("--one-tensor"));
    using var ours = new Ours(folder);
    Console.WriteLine($"{ours.Base.Parameters / 1e6:F0} M parameters in bf16, {Environment.ProcessorCount} cores");
    if (args.Contains("--accuracy"))
    {
        Console.WriteLine($"kinship, worst relative error of 6 pairs and 3 measures: {Accuracy.Kinship(ours):E1} (below 1E-006)");
        Console.WriteLine(
            $"SLERP, elements not correctly rounded: {Accuracy.Misrounded(ours, 1, 2, target):E1} (at most 1E-005)");
        Console.WriteLine($"SLERP on the linear branch: {Accuracy.Misrounded(ours, 3, 4, target):E1} (0)");
        return;
    }
    if (args.Contains("--methods"))
    {
        MergeMethodBenchmark.Run(folder, runs, peers, args.Contains("--cold"), Option("--method"));
        return;
    }
    Compare(ours);
    Console.WriteLine($"anonymous memory: merge {Memory.Peak(folder, "merge"):F0} MB, "
        + $"kinship {Memory.Peak(folder, "kinship"):F0} MB (below 64)");
}
finally
{
    if (Directory.Exists(folder))
        Directory.Delete(folder, recursive: true);
}

void Compare(Ours ours)
{
    var (first, second) = (ours.Models[0].Checkpoint, ours.Models[1].Checkpoint);
    var rows = ours.Kinship();
    var child = ours.Base.ByteLength;
    var bound = new IoBound([first, second], target);
    var mapped = peers ? MappedModel.All(folder) : [];
    void Mergekit(Func<MergekitTensor, TorchSharp.torch.Tensor> merge) =>
        MergekitMethods.Write(ours.Base.Tensors.Select(tensor => tensor.Name), mapped[0], mapped[1..3], merge, target);
    Func<Time> Of(Action work) => () => Timing.Measure(work);
    // With the memory that each takes: ours next to nothing beside its output, the others' several times as much.
    var (little, much) = (2 * child, 5 * child);
    var merges = new (string Name, long Memory, List<Time> Times, Func<Time>? Work)[]
    {
        ("SLERP, inner products computed", little, [], () => Timing.Measure(() => ours.Slerp(1, 2, 0.3, target, null))),
        ("SLERP, inner products known", little, [], () => Timing.Measure(() => ours.Slerp(1, 2, 0.3, target, rows))),
        ("linear of 2, equal weights", little, [], () => Timing.Measure(() => ours.Merge("linear", 2, "weight: 0.6", target))),
        ("SLERP, hashed, flushed, renamed", little, [], Of(() => ours.Publish("slerp", "t: 0.3", target))),
        ("SLERP, mergekit's way", much, [], peers ? Of(() => Mergekit(MergekitMethods.Slerp)) : null),
        ("the same, had NumPy all threads", much, [], peers ? Of(() => Mergekit(MergekitMethods.SlerpOnAllThreads)) : null),
        ("linear, mergekit's way", much, [], peers ? Of(() => Mergekit(MergekitMethods.Linear)) : null),
    };
    using (TouchedMemory.AllBut(6 * child))
        for (var run = 0; run < runs; run++)
        {
            bound.Run(() => Timing.Settle(target, little, ours.Touch));
            foreach (var (_, memory, seen, action) in merges.Where(one => one.Work is not null))
            {
                Timing.Settle(target, memory, ours.Touch);
                seen.Add(action!());
            }
            Timing.Settle(target, 0);
        }
    var kinships = new (string Name, List<Time> Times, Func<Time>? Work)[]
    {
        ("kinship of 4 models, all pairs", [], Of(() => ours.Kinship())),
        ("kinship of 1 pair, ModelKinship's way", [], peers ? Of(() => ModelKinship.Pair(ours.Base, first, second)) : null),
    };
    for (var run = 0; run < runs; run++)
        foreach (var (_, seen, action) in kinships.Where(one => one.Work is not null))
        {
            Timing.Settle(target, peers ? 14 * child : 0);
            ours.Touch();
            seen.Add(action!());
        }
    var limit = bound.Read + bound.Write;
    Console.WriteLine($"medians of {runs} runs, elapsed (and of the processors together):");
    Console.WriteLine($"{"I/O bound: a read, a write of one file",-40} {limit}   {bound.Told}");
    foreach (var (name, seen, _) in merges.Select(one => (one.Name, one.Times, one.Work))
        .Concat(kinships)
        .Where(one => one.Work is not null))
        Console.WriteLine(
            $"{name,-40} {Timing.Median(seen)}   {string.Join(' ', seen.Select(time => time.Elapsed.ToString("F3")))}");
    Time Merge(int i) => Timing.Median(merges[i].Times);
    void Shares(string name, Time of) => Console.WriteLine(
        $"{name}: SLERP {Merge(0).Ratio(of)}, with inner products known {Merge(1).Ratio(of)}, "
        + $"linear {Merge(2).Ratio(of)}; 0.60, 0.60 and 0.75 asked");
    Shares("share of the I/O bound", limit);
    Shares("share of it, did it write two files", bound.Read + bound.WriteApart);
    if (!peers)
        return;
    Console.WriteLine($"times as fast as mergekit's way: {Merge(0).Ratio(Merge(4))}, "
        + $"with inner products known {Merge(1).Ratio(Merge(4))}; 12 asked");
    Console.WriteLine(
        $"the same, had NumPy all threads: {Merge(0).Ratio(Merge(5))}, with inner products known {Merge(1).Ratio(Merge(5))}");
    Console.WriteLine($"linear, times as fast as mergekit's way: {Merge(2).Ratio(Merge(6))}; "
        + $"12 asked; at the I/O bound it were {limit.Ratio(Merge(6))}");
    Console.WriteLine("kinship, times as fast as ModelKinship's way: "
        + $"{Timing.Median(kinships[0].Times).Ratio(Timing.Median(kinships[1].Times))}; 50 asked");
    foreach (var model in mapped)
        model.Dispose();
    var (pearson, cosine, euclidean) = ModelKinship.Pair(ours.Base, first, second);
    var gram = new Gram(rows);
    Console.WriteLine($"models 1 and 2: pearson {gram.Kinship(KinshipMeasure.Pearson, 0, 1):F5}, "
        + $"cosine {gram.Kinship(KinshipMeasure.Cosine, 0, 1):F5}, "
        + $"distance {gram.Kinship(KinshipMeasure.Euclidean, 0, 1):F3}; "
        + $"in float32 on libtorch {pearson:F5}, {cosine:F5}, {euclidean:F3}");
}
