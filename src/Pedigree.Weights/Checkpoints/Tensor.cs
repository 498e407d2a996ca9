namespace Pedigree.Weights.Checkpoints;

/// <summary>One tensor of an open checkpoint, mapped.</summary>
public sealed unsafe class Tensor(string file, string name, DType dType, IReadOnlyList<long> shape, byte* data, long byteLength)
{
    /// <summary>The safetensors file that it comes from, for errors.</summary>
    public string File { get; } = file;

    /// <summary>Name in the model.</summary>
    public string Name { get; } = name;

    /// <summary>Name in the file: where layers are stacked, that of the layer it was.</summary>
    public string StoredName { get; private init; } = name;

    /// <summary>Element type.</summary>
    public DType DType { get; } = dType;

    /// <summary>Sizes, outermost first; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; } = shape;

    /// <summary>Number of elements.</summary>
    public long Count { get; } = byteLength / dType.Size();

    /// <summary>First byte in the mapping, not necessarily aligned; valid while the checkpoint is open.</summary>
    public byte* Data { get; } = data;

    /// <summary>Length in bytes.</summary>
    public long ByteLength { get; } = byteLength;

    /// <summary>The same weights under another name.</summary>
    internal Tensor As(string name) => name == Name ? this : new(File, name, DType, Shape, Data, ByteLength) { StoredName = StoredName };

    /// <summary>The first rows alone.</summary>
    internal Tensor Rows(long rows) => rows == Shape[0] ? this : new(File, Name, DType, [rows, .. Shape.Skip(1)], Data, ByteLength / Shape[0] * rows) { StoredName = StoredName };

    /// <summary>The bytes from <paramref name="start"/>; valid while the checkpoint is open.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tensor.</exception>
    public ReadOnlySpan<byte> Bytes(long start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, ByteLength - length);
        return new(Data + start, length);
    }
}
