using System.Runtime.InteropServices;

namespace Pedigree.Weights.Kernels;

/// <summary>Memory of one worker, aligned for vectors, outside the garbage collector's heap.</summary>
internal sealed unsafe class NativeBuffer(long bytes) : IDisposable
{
    /// <summary>The first byte.</summary>
    public byte* Start { get; private set; } = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 64);

    public void Dispose()
    {
        NativeMemory.AlignedFree(Start);
        Start = null;
    }
}
