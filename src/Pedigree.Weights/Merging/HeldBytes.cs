using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Merging;

/// <summary>
/// A tensor's bytes, read in order once and then kept; where the file is mapped, they are there as it is. For one thread.
/// </summary>
internal sealed unsafe class HeldBytes(Tensor tensor, byte* memory) : IWeights
{
    private long _read;

    /// <summary>The tensor, read through this.</summary>
    public Tensor Tensor => tensor.From(this);

    public byte* Fetch(long start, int length, byte* buffer)
    {
        if (start + length <= _read)
            return memory + start;
        var bytes = tensor.Fetch(start, length, memory + start);
        if (bytes == memory + start && start <= _read)
            _read = start + length;
        return bytes;
    }

    public void Read(long start, Span<byte> bytes) => tensor.Read(start, bytes);
}
