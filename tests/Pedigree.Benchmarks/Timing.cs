using System.Diagnostics;

namespace Pedigree.Benchmarks;

/// <summary>Clocks and a quiet disk.</summary>
internal static class Timing
{
    // Linux tells the host of free memory two seconds after some is freed. So nothing is freed for as long, but the memory that a
    // run takes, right before it: the run is over when the host hears of it.
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(2.5);

    /// <summary>Whether memory is touched before it is measured.</summary>
    public static bool TouchesMemory { get; set; } = true;

    /// <summary>
    /// Elapsed seconds, and those that all processors together spent: on a busy machine only the latter can be compared.
    /// </summary>
    public static Time Measure(Action action)
    {
        var before = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        action();
        return new(watch.Elapsed.TotalSeconds, (Environment.CpuUsage.TotalTime - before).TotalSeconds);
    }

    /// <summary>The same of work whose output is removed afterwards, when the clock has stopped.</summary>
    public static Time Measure(Func<IDisposable> work)
    {
        IDisposable? output = null;
        try
        {
            return Measure(() => { output = work(); });
        }
        finally
        {
            output?.Dispose();
        }
    }

    public static Time Median(IReadOnlyList<Time> times) =>
        new(times.Select(time => time.Elapsed).Order().ElementAt(times.Count / 2),
            times.Select(time => time.Processor).Order().ElementAt(times.Count / 2));

    /// <summary>
    /// Removes a previous output, waits for the disk, so that its dirty pages are not measured with the next run, and touches
    /// memory last: the host of a virtual machine takes back within seconds what is free.
    /// </summary>
    /// <param name="target">The previous output's folder.</param>
    /// <param name="memory">Bytes that the next run takes.</param>
    /// <param name="read">Brings what it reads to the page cache.</param>
    public static void Settle(string target, long memory, Action? read = null)
    {
        if (Directory.Exists(target))
            Directory.Delete(target, recursive: true);
        GC.Collect();
        if (!OperatingSystem.IsWindows())
            Process.Start("sync").WaitForExit();
        read?.Invoke();
        if (!TouchesMemory || memory == 0)
            return;
        using (new TouchedMemory(memory))
            Thread.Sleep(Rest);
    }
}

/// <summary>Seconds by the clock and by the processors.</summary>
internal readonly record struct Time(double Elapsed, double Processor)
{
    public static Time operator +(Time a, Time b) => new(a.Elapsed + b.Elapsed, a.Processor + b.Processor);

    public static Time operator *(Time a, double times) => new(a.Elapsed * times, a.Processor * times);

    /// <summary>How many times another takes, by the clock and, in brackets, by the processors.</summary>
    public string Ratio(Time other) =>
        FormattableString.Invariant($"{other.Elapsed / Elapsed:F2} ({other.Processor / Processor:F2})");

    public override string ToString() => FormattableString.Invariant($"{Elapsed,8:F3} s ({Processor,8:F3})");
}
