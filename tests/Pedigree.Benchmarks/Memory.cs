using System.Diagnostics;
using System.Globalization;

namespace Pedigree.Benchmarks;

/// <summary>The most anonymous memory that one piece of work needs, in a process of its own.</summary>
internal static class Memory
{
    /// <summary>Runs this program again with <paramref name="work"/>; returns megabytes.</summary>
    public static double Peak(string folder, string work)
    {
        using var child = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["--measure", work, "--folder", folder])
        {
            RedirectStandardOutput = true,
        })!;
        var output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return child.ExitCode == 0 ? double.Parse(output, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"measuring {work} failed");
    }

    /// <summary>In the child: does the work while RssAnon is watched.</summary>
    public static void Measure(string folder, string work)
    {
        var peak = 0.0;
        var done = false;
        var watch = new Thread(() =>
        {
            while (!Volatile.Read(ref done))
            {
                var line = File.ReadLines("/proc/self/status")
                    .First(line => line.StartsWith("RssAnon", StringComparison.Ordinal));
                peak = Math.Max(peak, double.Parse(
                    line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024);
                Thread.Sleep(2);
            }
        });
        watch.Start();
        using (var ours = new Ours(folder))
            if (work == "kinship")
                ours.Kinship();
            else if (work.Split(';') is [var method, var models, var parameters])
                ours.Merge(method, int.Parse(models, CultureInfo.InvariantCulture), parameters, Path.Combine(folder, "measured"))
                    .Dispose();
            else
                ours.Publish("slerp", "t: 0.3", Path.Combine(folder, "measured"));
        Volatile.Write(ref done, true);
        watch.Join();
        Console.Write(peak.ToString("F1", CultureInfo.InvariantCulture));
    }
}
