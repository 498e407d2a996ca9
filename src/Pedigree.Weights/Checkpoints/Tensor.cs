namespace Pedigree.Weights.Checkpoints;

/// <summary>One tensor of an open checkpoint, whose weights are read as they are needed.</summary>
public sealed class Tensor
{
    private readonly IWeights? _weights;
    private readonly long _begin;

    /// <param name="file">The safetensors file, for errors.</param>
    /// <param name="name">Name as in the file.</param>
    /// <param name="dType">Element type.</param>
    /// <param name="shape">Sizes, outermost first.</param>
    /// <param name="weights">Where they are read; null where there are none to be read.</param>
    /// <param name="begin">Its first byte there.</param>
    /// <param name="byteLength">Length in bytes.</param>
    internal Tensor(
        string file, string name, DType dType, IReadOnlyList<long> shape, IWeights? weights, long begin, long byteLength)
    {
        (File, Name, StoredName, DType, Shape, Count, ByteLength) =
            (file, name, name, dType, shape, byteLength / dType.Size(), byteLength);
        (_weights, _begin) = (weights, begin);
    }

    /// <summary>The safetensors file that it comes from, for errors.</summary>
    public string File { get; }

    /// <summary>Name in the model.</summary>
    public string Name { get; }

    /// <summary>Name in the file: where layers are stacked, that of the layer it was.</summary>
    public string StoredName { get; private init; }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Sizes, outermost first; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    /// <summary>Length in bytes.</summary>
    public long ByteLength { get; }

    /// <summary>The same weights from elsewhere.</summary>
    internal Tensor From(IWeights weights) => new(File, Name, DType, Shape, weights, 0, ByteLength) { StoredName = StoredName };

    /// <summary>The same weights under another name.</summary>
    internal Tensor As(string name) =>
        name == Name ? this : new(File, name, DType, Shape, _weights, _begin, ByteLength) { StoredName = StoredName };

    /// <summary>The first rows alone.</summary>
    internal Tensor Rows(long rows) => rows == Shape[0] ? this
        : new(File, Name, DType, [rows, .. Shape.Skip(1)], _weights, _begin, ByteLength / Shape[0] * rows)
        {
            StoredName = StoredName,
        };

    /// <summary>
    /// The bytes from <paramref name="start"/>, within the tensor, while the checkpoint is open: in <paramref name="buffer"/>, or
    /// where they are mapped, not necessarily aligned. May be called on several threads.
    /// </summary>
    /// <exception cref="BadInputException">
    /// The file has become shorter since it was opened, or the disk fails; where it is mapped that ends the process.
    /// </exception>
    internal unsafe byte* Fetch(long start, int length, byte* buffer) => _weights!.Fetch(_begin + start, length, buffer);

    /// <summary>
    /// Copies the bytes from <paramref name="start"/>, while the checkpoint is open. May be called on several threads.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not within the tensor.</exception>
    /// <exception cref="BadInputException">The file has become shorter since it was opened, or the disk fails.</exception>
    public void Read(long start, Span<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, ByteLength - bytes.Length);
        if (bytes.Length > 0)
            _weights!.Read(_begin + start, bytes);
    }
}
