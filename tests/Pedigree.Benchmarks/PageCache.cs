using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Pedigree.Benchmarks;

/// <summary>Makes the system forget files, so that they are read from disk again.</summary>
internal static partial class PageCache
{
    private const int DontNeed = 4;

    /// <summary>Drops all weights below a folder. They must be on disk, and no process may have them mapped.</summary>
    public static void Drop(string folder)
    {
        foreach (var path in Directory.EnumerateFiles(folder, "*.safetensors", SearchOption.AllDirectories))
        {
            using var file = File.OpenHandle(path);
            if (Advise(file, 0, 0, DontNeed) != 0)
                throw new IOException($"{path}: the system did not take the advice to forget it");
        }
    }

    /// <summary>Memory that is free, in bytes.</summary>
    public static long Free() => Memory("MemFree");

    private static long Memory(string name) =>
        long.Parse(File.ReadLines("/proc/meminfo").First(line => line.StartsWith(name, StringComparison.Ordinal))
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1]) * 1024;

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);
}
