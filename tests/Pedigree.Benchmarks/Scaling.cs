namespace Pedigree.Benchmarks;

/// <summary>Whether time grows as the models do.</summary>
internal static class Scaling
{
    private static readonly long[] Millions = [100, 250, 500, 1000, 2000, 4000];

    /// <summary>SLERP and linear merges of two models of growing size, in a folder with room for 6 bytes for each parameter of the largest.</summary>
    public static void Run(string folder, int runs)
    {
        Console.WriteLine($"medians of {runs} runs, elapsed (and of the processors together), and seconds for a billion parameters");
        foreach (var parameters in Millions)
        {
            var models = SampleModels.Write(Path.Combine(folder, $"{parameters}"), parameters * 1_000_000, last: 2);
            var target = Path.Combine(models, "out");
            // Two models and their child.
            var fits = parameters * 6_000_000 < PageCache.Available();
            using (var ours = new Ours(models))
                foreach (var (method, settings) in new[] { ("linear", "weight: 0.6"), ("slerp", "t: 0.3") })
                {
                    List<Time> times = [];
                    for (var run = 0; run < runs; run++)
                    {
                        Timing.Settle(target, ours.Base.ByteLength);
                        times.Add(Timing.Measure(() => ours.Merge(method, 2, settings, target)));
                    }
                    Timing.Settle(target, 0);
                    var billions = ours.Base.Parameters / 1e9;
                    var median = Timing.Median(times);
                    Console.WriteLine(FormattableString.Invariant(
                        $"{billions,6:F3} billion, {method,-6} {median}  {median.Elapsed / billions:F3} s ({median.Processor / billions:F3} s)")
                        + (fits ? "" : "  more than the page cache holds"));
                }
            Directory.Delete(models, recursive: true);
        }
    }
}
