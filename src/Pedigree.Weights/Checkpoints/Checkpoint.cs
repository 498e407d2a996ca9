using System.Text.Json.Nodes;

namespace Pedigree.Weights.Checkpoints;

/// <summary>Contract only: the helper that owns this folder replaces it.</summary>
public sealed class Checkpoint : IDisposable
{
    /// <summary>Opens and fully validates a Hugging Face checkpoint folder; tensors are mapped, not read.</summary>
    /// <exception cref="BadInputException">Anything malformed.</exception>
    public static Checkpoint Open(string folder) => throw new InvalidOperationException(folder);

    /// <summary>The folder, absolute.</summary>
    public string Folder => throw new InvalidOperationException();

    /// <summary>config.json.</summary>
    public JsonObject Config => throw new InvalidOperationException();

    /// <summary>All tensors, by ordinal name.</summary>
    public IReadOnlyList<Tensor> Tensors => throw new InvalidOperationException();

    /// <summary>Elements over all tensors.</summary>
    public long Parameters => throw new InvalidOperationException();

    /// <summary>The tensor of that name, or null.</summary>
    public Tensor? Find(string name) => throw new InvalidOperationException(name);

    /// <inheritdoc/>
    public void Dispose() => throw new InvalidOperationException();
}

/// <summary>Element types of safetensors; only <see cref="BF16"/>, <see cref="F16"/> and <see cref="F32"/> are merged.</summary>
public enum DType { BF16, F16, F32, F64, I8, U8, I16, U16, I32, U32, I64, U64, Bool, F8E4M3, F8E5M2 }

/// <summary>One tensor of an open checkpoint, mapped.</summary>
public sealed unsafe class Tensor(string name, DType dType, IReadOnlyList<long> shape, byte* data, long byteLength)
{
    /// <summary>Name as in the file.</summary>
    public string Name { get; } = name;

    /// <summary>Element type.</summary>
    public DType DType { get; } = dType;

    /// <summary>Sizes, outermost first; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape { get; } = shape;

    /// <summary>Number of elements.</summary>
    public long Count { get; } = shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>First byte in the mapping; valid while the checkpoint is open.</summary>
    public byte* Data { get; } = data;

    /// <summary>Length in bytes.</summary>
    public long ByteLength { get; } = byteLength;
}
