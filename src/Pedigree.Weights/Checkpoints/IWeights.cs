namespace Pedigree.Weights.Checkpoints;

/// <summary>Copies bytes of a tensor, the first of them <paramref name="start"/> bytes into it.</summary>
public delegate void TensorReader(string tensor, long start, Span<byte> bytes);

/// <summary>Where weights are read. May be used on several threads.</summary>
internal unsafe interface IWeights
{
    /// <summary>The bytes from <paramref name="start"/>: where they lie, or in <paramref name="buffer"/>.</summary>
    byte* Fetch(long start, int length, byte* buffer);

    /// <summary>Copies the bytes from <paramref name="start"/>.</summary>
    void Read(long start, Span<byte> bytes);
}

/// <summary>A tensor that lies in no file.</summary>
internal sealed unsafe class CopiedWeights(string tensor, TensorReader reader) : IWeights
{
    public byte* Fetch(long start, int length, byte* buffer)
    {
        Read(start, new(buffer, length));
        return buffer;
    }

    public void Read(long start, Span<byte> bytes) => reader(tensor, start, bytes);
}
