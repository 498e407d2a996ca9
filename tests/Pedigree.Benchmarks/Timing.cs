using System.Diagnostics;

namespace Pedigree.Benchmarks;

/// <summary>Clocks and a quiet disk.</summary>
internal static class Timing
{
    public static double Seconds(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalSeconds;
    }

    public static double Median(IReadOnlyList<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>Removes a previous output and waits for the disk, so that its dirty pages are not measured with the next run.</summary>
    public static void Settle(string target)
    {
        if (Directory.Exists(target))
            Directory.Delete(target, recursive: true);
        GC.Collect();
        if (!OperatingSystem.IsWindows())
            Process.Start("sync").WaitForExit();
    }
}
