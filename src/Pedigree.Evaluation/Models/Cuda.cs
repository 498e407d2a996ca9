using System.Runtime.InteropServices;
using System.Text;

namespace Pedigree.Evaluation.Models;

/// <summary>
/// What TorchSharp does not tell of a GPU, from its driver: the CUDA runtime comes with libtorch, under a name that is
/// another in every version.
/// </summary>
internal static unsafe partial class Cuda
{
    private const string Driver = "cuda";
    private const int NameLength = 256;

    static Cuda() => NativeLibrary.SetDllImportResolver(typeof(Cuda).Assembly, static (name, _, _) =>
        name == Driver ? NativeLibrary.Load(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1") : 0);

    /// <summary>Bytes that it has free; null where it does not say. What libtorch keeps for later is not among them.</summary>
    public static long? FreeMemory(int index) => Ask<long?>(index, null, device =>
    {
        // The context that libtorch uses too.
        if (cuDevicePrimaryCtxRetain(out var context, device) != 0)
            return null;
        var told = cuCtxPushCurrent_v2(context) == 0;
        nuint free = 0;
        if (told)
        {
            told = cuMemGetInfo_v2(out free, out _) == 0;
            _ = cuCtxPopCurrent_v2(out _);
        }
        _ = cuDevicePrimaryCtxRelease_v2(device);
        return told ? (long)free : null;
    });

    /// <summary>What its maker calls it, such as <c>NVIDIA H100 80GB HBM3</c>; its number where it does not say.</summary>
    public static string Name(int index) => Ask(index, $"{index}", device =>
    {
        var text = stackalloc byte[NameLength];
        return cuDeviceGetName(text, NameLength, device) == 0
            ? Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text))
            : $"{index}";
    });

    private static T Ask<T>(int index, T unknown, Func<int, T> ask)
    {
        try
        {
            return cuInit(0) == 0 && cuDeviceGet(out var device, Math.Max(0, index)) == 0 ? ask(device) : unknown;
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            return unknown;
        }
    }

    [LibraryImport(Driver)]
    private static partial int cuInit(uint flags);

    [LibraryImport(Driver)]
    private static partial int cuDeviceGet(out int device, int ordinal);

    [LibraryImport(Driver)]
    private static partial int cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(Driver)]
    private static partial int cuDevicePrimaryCtxRetain(out nint context, int device);

    [LibraryImport(Driver)]
    private static partial int cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(Driver)]
    private static partial int cuCtxPushCurrent_v2(nint context);

    [LibraryImport(Driver)]
    private static partial int cuCtxPopCurrent_v2(out nint context);

    [LibraryImport(Driver)]
    private static partial int cuMemGetInfo_v2(out nuint free, out nuint total);
}
