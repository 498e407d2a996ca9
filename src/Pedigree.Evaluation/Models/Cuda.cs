using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;

namespace Pedigree.Evaluation.Models;

/// <summary>What TorchSharp does not tell of a GPU, from the libraries that libtorch has loaded.</summary>
internal static unsafe class Cuda
{
    private const int NameLength = 256;

    /// <summary>Bytes that it has free (cudaMemGetInfo); null where it does not say.</summary>
    public static long? FreeMemory(int index)
    {
        var name = OperatingSystem.IsWindows() ? "cudart64_12.dll" : "libcudart.so.12";
        if (!NativeLibrary.TryLoad(name, typeof(torch).Assembly, null, out var library)
            || !NativeLibrary.TryGetExport(library, "cudaSetDevice", out var select) || !NativeLibrary.TryGetExport(library, "cudaMemGetInfo", out var ask))
            return null;
        nuint free, total;
        return ((delegate* unmanaged<int, int>)select)(Math.Max(0, index)) == 0 && ((delegate* unmanaged<nuint*, nuint*, int>)ask)(&free, &total) == 0 ? (long)free : null;
    }

    /// <summary>What its maker calls it (cuDeviceGetName), such as <c>NVIDIA H100 80GB HBM3</c>; its number where it does not say.</summary>
    public static string Name(int index)
    {
        var name = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";
        if (!NativeLibrary.TryLoad(name, typeof(torch).Assembly, null, out var library)
            || !NativeLibrary.TryGetExport(library, "cuInit", out var begin) || !NativeLibrary.TryGetExport(library, "cuDeviceGetName", out var ask))
            return $"{index}";
        var text = stackalloc byte[NameLength];
        return ((delegate* unmanaged<uint, int>)begin)(0) == 0 && ((delegate* unmanaged<byte*, int, int, int>)ask)(text, NameLength, index) == 0
            ? Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text)) : $"{index}";
    }
}
