using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Tests;

internal static class TensorBytes
{
    /// <summary>All bytes of a tensor.</summary>
    public static byte[] Bytes(this Tensor tensor) => tensor.Bytes(0, (int)tensor.ByteLength);

    /// <summary>So many bytes of it.</summary>
    public static byte[] Bytes(this Tensor tensor, long start, int length)
    {
        var bytes = new byte[length];
        tensor.Read(start, bytes);
        return bytes;
    }
}
