using Pedigree.Weights.Kernels;

namespace Pedigree.Benchmarks;

/// <summary>
/// Memory of which every page was touched. A virtual machine may have handed free memory back to its host, where a page costs ten
/// times as much when it is touched again, and who comes first would pay for all.
/// </summary>
internal sealed unsafe class TouchedMemory : IDisposable
{
    private readonly NativeBuffer _memory;

    public TouchedMemory(long bytes)
    {
        _memory = new(bytes);
        for (var at = 0L; at < bytes; at += Environment.SystemPageSize)
            _memory.Start[at] = 1;
    }

    /// <summary>
    /// All that is free but so many bytes, until it is disposed: so whoever is measured finds no pages but those that the one
    /// before has used. Nothing where memory is not to be touched.
    /// </summary>
    public static TouchedMemory AllBut(long bytes) => new(Timing.TouchesMemory ? Math.Max(0, PageCache.Free() - bytes) : 0);

    public void Dispose() => _memory.Dispose();
}
