namespace Pedigree.Benchmarks;

/// <summary>Merge methods side by side with mergekit's sequences of operations, and the memory that they need.</summary>
internal static class MergeMethodBenchmark
{
    private const string Thinned = "weight: 0.6, density: 0.5";

    // Models, parameters and, for those that are compared, how mergekit does it.
    private static readonly (
        string Method, int Models, string Parameters, Func<MergekitTensor, TorchSharp.torch.Tensor>? Peer)[] Cases =
        [
            ("slerp", 2, "t: 0.3", MergekitMethods.Slerp),
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

    /// <summary>
    /// Prints a line for each method, and beside it what reading its models once and writing the child would take.
    /// </summary>
    public static void Run(string folder, int runs, bool peers, bool cold, string? only)
    {
        var target = Path.Combine(folder, "out");
        var (ours, theirs) = (new Ours(folder), MappedModel.All(folder));
        void Close()
        {
            ours.Dispose();
            foreach (var model in theirs)
                model.Dispose();
        }
        // The system forgets nothing that is mapped.
        void Unmapped(Action work)
        {
            Close();
            work();
            (ours, theirs) = (new(folder), MappedModel.All(folder));
        }
        var child = ours.Base.ByteLength;
        var ballast = TouchedMemory.AllBut(6 * child);
        try
        {
            Console.WriteLine($"medians of {runs} runs, elapsed (and of the processors together), "
                + $"models {(cold ? "on disk only" : "in the page cache")}:");
            IoBound bound = new([ours.Models[0].Checkpoint, ours.Models[1].Checkpoint], target);
            for (var run = 0; run < runs; run++)
                bound.Run(() => Timing.Settle(target, 5 * child, ours.Touch));
            var read = bound.Read;
            if (cold)
                Unmapped(() => read = IoBound.ColdRead(folder));
            foreach (var (method, models, parameters, peer) in Cases.Where(
                one => only is null || only.Split(',').Contains(one.Method)))
            {
                List<Time> our = [], their = [];
                // A run without what the one before has left in the caches.
                void Once(List<Time> times, Func<Time> measure)
                {
                    Timing.Settle(target, 5 * child, () =>
                    {
                        if (cold)
                            Unmapped(() => PageCache.Drop(folder));
                        else
                            ours.Touch();
                    });
                    times.Add(measure());
                }
                for (var run = 0; run < runs; run++)
                {
                    Once(our, () => Timing.Measure(() => ours.Merge(method, models, parameters, target)));
                    if (peers && peer is not null)
                        Once(their, () => Timing.Measure(() => MergekitMethods.Write(
                            ours.Base.Tensors.Select(tensor => tensor.Name), theirs[0], theirs[1..(models + 1)], peer, target)));
                }
                Timing.Settle(target, 0);
                var limit = (read * (ours.Sources(method, models) / 2.0)) + bound.Write;
                Console.WriteLine($"{method + " of " + models,-22} {Timing.Median(our)}  limit {limit}"
                    + (their.Count > 0 ? $"  mergekit's way {Timing.Median(their)}  times as fast "
                        + $"{Timing.Median(our).Ratio(Timing.Median(their))}"
                        : "")
                    + $"  anonymous memory {Memory.Peak(folder, $"{method};{models};{parameters}"):F0} MB");
            }
        }
        finally
        {
            Close();
            ballast.Dispose();
        }
    }
}
