namespace Pedigree.Weights.Checkpoints;

/// <summary>
/// Element types of safetensors of a whole number of bytes. Only <see cref="BF16"/>, <see cref="F16"/> and <see cref="F32"/> are
/// merged; the others are carried through as bytes.
/// </summary>
public enum DType { BF16, F16, F32, F64, I8, U8, I16, U16, I32, U32, I64, U64, Bool, F8E4M3, F8E5M2, F8E8M0, C64 }

/// <summary>Sizes and safetensors names of <see cref="DType"/>.</summary>
public static class DTypes
{
    /// <summary>Bytes an element.</summary>
    public static int Size(this DType dType) => dType switch
    {
        DType.I8 or DType.U8 or DType.Bool or DType.F8E4M3 or DType.F8E5M2 or DType.F8E8M0 => 1,
        DType.BF16 or DType.F16 or DType.I16 or DType.U16 => 2,
        DType.F32 or DType.I32 or DType.U32 => 4,
        _ => 8,
    };

    /// <summary>The name in a safetensors header.</summary>
    public static string SafetensorsName(this DType dType) => dType switch
    {
        DType.Bool => "BOOL",
        DType.F8E4M3 => "F8_E4M3",
        DType.F8E5M2 => "F8_E5M2",
        DType.F8E8M0 => "F8_E8M0",
        _ => dType.ToString(),
    };

    /// <summary>The element type of a safetensors name, or null where there is none.</summary>
    public static DType? FromSafetensorsName(string name) => ByName.TryGetValue(name, out var dType) ? dType : null;

    private static readonly Dictionary<string, DType> ByName =
        Enum.GetValues<DType>().ToDictionary(SafetensorsName, StringComparer.Ordinal);

    /// <summary>Every safetensors name that is read, for error messages.</summary>
    internal static string AllNames { get; } = string.Join(", ", Enum.GetValues<DType>().Select(SafetensorsName));
}
