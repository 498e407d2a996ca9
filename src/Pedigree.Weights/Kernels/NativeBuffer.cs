using System.Runtime.InteropServices;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// Memory of one worker, aligned for vectors, outside the garbage collector's heap. Large buffers are in huge pages, where the
/// system has them: some virtual machines take 14 µs for each page that is touched first, of whatever size.
/// </summary>
internal sealed unsafe partial class NativeBuffer : IDisposable
{
    private const long HugePage = 2 << 20;
    private const int AdviseHugePages = 14;

    public NativeBuffer(long bytes)
    {
        bytes = Room(bytes);
        Start = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, bytes >= HugePage ? (nuint)HugePage : 64);
        if (bytes >= HugePage && OperatingSystem.IsLinux())
            _ = Advise(Start, (nuint)bytes, AdviseHugePages);
    }

    /// <summary>The first byte.</summary>
    public byte* Start { get; private set; }

    /// <summary>Bytes that a buffer of so many takes.</summary>
    public static long Room(long bytes) => bytes < HugePage / 2 ? bytes : (bytes + HugePage - 1) / HugePage * HugePage;

    public void Dispose()
    {
        NativeMemory.AlignedFree(Start);
        Start = null;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(byte* start, nuint length, int advice);
}
