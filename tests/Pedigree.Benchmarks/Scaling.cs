namespace Pedigree.Benchmarks;

/// <summary>Whether time grows as the models do.</summary>
internal static class Scaling
{
    private static readonly long[] Millions = [100, 250, 500, 1000, 2000, 4000];

    /// <summary>
    /// SLERP and linear merges of two models of growing size, in a folder with room for 6 bytes for each parameter
    /// of the largest. Every size is read from disk, and hashed and flushed to it as by the command: memory has
    /// room for some of them only.
    /// </summary>
    public static void Run(string folder, int runs)
    {
        Console.WriteLine($"from disk to disk, medians of {runs} runs, elapsed (and of the processors together), "
            + "and seconds for a billion parameters");
        foreach (var parameters in Millions)
        {
            var models = SampleModels.Write(Path.Combine(folder, $"{parameters}"), parameters * 1_000_000, last: 2);
            var target = Path.Combine(models, "out");
            foreach (var (method, settings) in new[] { ("linear", "weight: 0.6"), ("slerp", "t: 0.3") })
            {
                List<Time> times = [];
                var billions = 0.0;
                for (var run = 0; run < runs; run++)
                {
                    Timing.Settle(target, 0);
                    PageCache.Drop(models);
                    using Ours ours = new(models);
                    times.Add(Timing.Measure(() => ours.Publish(method, settings, target)));
                    billions = ours.Base.Parameters / 1e9;
                }
                Timing.Settle(target, 0);
                var median = Timing.Median(times);
                Console.WriteLine(FormattableString.Invariant(
                    $"{billions,6:F3} billion, {method,-6} {median}  {median.Elapsed / billions:F3} s ({median.Processor / billions:F3} s)   {string.Join(' ', times.Select(time => time.Elapsed.ToString("F2")))}"));
            }
            Directory.Delete(models, recursive: true);
        }
    }
}
