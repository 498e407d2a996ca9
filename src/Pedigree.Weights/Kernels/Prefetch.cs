using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Pedigree.Weights.Kernels;

/// <summary>
/// Asks for memory before it is needed: the processor's own guesses end at every page and every change of tensor.
/// </summary>
internal static unsafe class Prefetch
{
    /// <summary>May point anywhere; never faults.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void At(byte* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(address);
    }
}
