using Pedigree.Weights.Checkpoints;

namespace Pedigree.Benchmarks;

/// <summary>Merge methods side by side with mergekit's sequences of operations, and the memory that they need.</summary>
internal static class MergeMethodBenchmark
{
    private const string Thinned = "weight: 0.6, density: 0.5";

    // Models, parameters and, for those that are compared, how mergekit does it.
    private static readonly (string Method, int Models, string Parameters, Func<MergekitTensor, TorchSharp.torch.Tensor>? Peer)[] Cases =
    [
        ("linear", 2, "weight: 0.6", MergekitMethods.Linear),
        ("task_arithmetic", 4, "weight: 0.6", MergekitMethods.TaskArithmetic),
        ("model_stock", 4, "", MergekitMethods.ModelStock),
        ("multislerp", 4, "weight: 0.6", MergekitMethods.MultiSlerp),
        ("ties", 2, Thinned, MergekitMethods.Ties),
        ("dare_linear", 2, Thinned, tensor => MergekitMethods.Dare(tensor, consensus: false)),
        ("dare_ties", 2, Thinned, tensor => MergekitMethods.Dare(tensor, consensus: true)),
        ("breadcrumbs", 2, Thinned, tensor => MergekitMethods.Breadcrumbs(tensor, consensus: false)),
        ("breadcrumbs_ties", 2, Thinned, tensor => MergekitMethods.Breadcrumbs(tensor, consensus: true)),
        ("della", 2, Thinned, tensor => MergekitMethods.Della(tensor, consensus: true)),
        ("della_linear", 2, Thinned, tensor => MergekitMethods.Della(tensor, consensus: false)),
        ("sce", 2, "select_topk: 0.5", null),
        ("ram", 2, "", null),
        ("ramplus_tl", 2, "", null),
        ("nearswap", 2, "t: 0.001", null),
        ("arcee_fusion", 2, "", null),
        ("karcher", 4, "", null),
        ("model_stock", 4, "filter_wise: true", null),
        ("nuslerp", 2, "weight: 0.6, nuslerp_flatten: false", null),
        ("nuslerp", 2, "weight: 0.6, nuslerp_flatten: false, nuslerp_row_wise: true", null),
    ];

    /// <summary>Prints a line for each method; 10 times as fast is asked.</summary>
    public static void Run(Ours ours, string folder, int runs, bool peers, string? only)
    {
        var target = Path.Combine(folder, "out");
        Console.WriteLine($"medians of {runs} runs, elapsed (and of the processors together); 10 times as fast is asked:");
        foreach (var (method, models, parameters, peer) in Cases.Where(one => only is null || one.Method == only))
        {
            List<Time> mine = [], theirs = [];
            Checkpoint[] sources = [.. ours.Models.Take(models).Select(model => model.Checkpoint)];
            for (var run = 0; run < runs; run++)
            {
                Timing.Settle(target);
                mine.Add(Timing.Measure(() => ours.Merge(method, models, parameters, target)));
                Timing.Settle(target);
                if (peers && peer is not null)
                    theirs.Add(Timing.Measure(() => MergekitMethods.Write(ours.Base, sources, peer, target)));
            }
            Timing.Settle(target);
            Console.WriteLine($"{method + " of " + models,-22} {Timing.Median(mine)}"
                + (theirs.Count > 0 ? $"  mergekit's way {Timing.Median(theirs)}  times as fast {Timing.Median(mine).Ratio(Timing.Median(theirs))}" : "")
                + $"  anonymous memory {Memory.Peak(folder, $"{method};{models};{parameters}"):F0} MB");
        }
    }
}
