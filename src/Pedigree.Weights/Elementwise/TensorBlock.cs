using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Elementwise;

/// <summary>
/// A stretch of a tensor that is merged, in float32, in buffers of one thread: whatever was read of it must be read again for the
/// next. What a method asks for is its own copy and may be overwritten.
/// </summary>
public sealed unsafe class TensorBlock : IDisposable
{
    private readonly NativeBuffer _bytes = new(ByteCount);
    private readonly int _models;
    private NativeBuffer _vectors;
    private int _capacity;
    private TensorSources _tensor = null!;
    private bool _originRead;

    internal TensorBlock(int models)
    {
        _models = models;
        _capacity = Size;
        _vectors = new(VectorBytes(_models, _capacity));
    }

    /// <summary>Elements of a block, but for a tensor's last and blocks of whole rows.</summary>
    public const int Size = 16 * 1024;

    /// <summary>Number of the block in its tensor.</summary>
    public int Index { get; private set; }

    /// <summary>First element.</summary>
    public long Start { get; private set; }

    /// <summary>Number of elements.</summary>
    public int Count { get; private set; }

    /// <summary>The merged elements, to be written by the method.</summary>
    public Span<float> Result => new(ResultPointer, Count);

    /// <summary>The elements of the origin.</summary>
    public ReadOnlySpan<float> Origin() => new(OriginPointer(), Count);

    /// <summary>The elements of a model.</summary>
    public Span<float> Weights(int model) => new(WeightsPointer(model), Count);

    /// <summary>The elements of a model minus those of the origin.</summary>
    public Span<float> Delta(int model) => new(DeltaPointer(model), Count);

    /// <inheritdoc/>
    public void Dispose()
    {
        _vectors.Dispose();
        _bytes.Dispose();
    }

    /// <summary>Elements with the padding that kernels read and write too.</summary>
    internal int Padded => Singles.Padded(Count);

    internal float* ResultPointer => Vector(_models);

    /// <summary>Room for five numbers of four bytes for each element.</summary>
    internal float* ScratchPointer => Vector(_models + 2);

    /// <summary>Bytes that one takes for so many models, where rows of so many elements must be whole.</summary>
    internal static long BytesFor(int models, long columns) => ByteCount + NativeBuffer.Room(
        VectorBytes(models, Math.Max(Size, Singles.Padded((int)Math.Min(columns, int.MaxValue - Singles.Group)))));

    private const long ByteCount = Size * 4L;

    private static long VectorBytes(int models, int capacity) => (models + 7L) * StrideOf(capacity) * sizeof(float);

    // A line more than the elements: what begins at even distances would share few lines of the cache.
    private static long StrideOf(int capacity) => capacity + (2L * Singles.Group);

    internal void Set(TensorSources tensor, int index, long start, int count)
    {
        (_tensor, Index, Start, Count, _originRead) = (tensor, index, start, count, false);
        if (count <= _capacity)
            return;
        _vectors.Dispose();
        _capacity = Singles.Padded(count);
        _vectors = new(VectorBytes(_models, _capacity));
    }

    internal float* OriginPointer()
    {
        var origin = Vector(_models + 1);
        if (!_originRead)
            Read(_tensor.Models, origin);
        _originRead = true;
        return origin;
    }

    internal float* WeightsPointer(int model)
    {
        Read(model, Vector(model));
        return Vector(model);
    }

    internal float* DeltaPointer(int model)
    {
        var delta = WeightsPointer(model);
        Singles.Subtract(delta, OriginPointer(), Padded);
        return delta;
    }

    private float* Vector(int slot) => (float*)_vectors.Start + (slot * StrideOf(_capacity));

    private void Read(int source, float* target)
    {
        var tensor = _tensor.Sources[source];
        var input = _tensor.Input;
        var size = tensor.DType.Size();
        for (var start = 0; start < Count; start += Size)
        {
            var count = Math.Min(Size, Count - start);
            var bytes = tensor.Fetch((Start + start) * size, count * size, _bytes.Start);
            if (!Singles.Load(tensor.DType, bytes, target + start, count))
                Kernels.Weights.ThrowIfNotFinite(tensor, Start + start, count);
            if (tensor.DType == input || input == DType.F32)
                continue;
            Singles.Store(input, target + start, _bytes.Start, count);
            Singles.Load(input, _bytes.Start, target + start, count);
        }
    }
}
