using System.Diagnostics;
using System.Globalization;

namespace Pedigree.Cli;

/// <summary>What this process takes of the machine's memory that cannot be given back to others while it runs.</summary>
internal static class ProgramMemory
{
    private const string Linux = "/proc/self/status", Anonymous = "RssAnon:";

    /// <summary>Bytes, without mapped files and the page cache where the system tells them apart.</summary>
    public static long Bytes()
    {
        if (File.Exists(Linux)
            && File.ReadLines(Linux).FirstOrDefault(line => line.StartsWith(Anonymous, StringComparison.Ordinal)) is { } line)
            return 1024
                * long.Parse(line[Anonymous.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        using Process process = Process.GetCurrentProcess();
        return process.PrivateMemorySize64;
    }
}
