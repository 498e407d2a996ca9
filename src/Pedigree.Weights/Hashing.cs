using System.Security.Cryptography;
using System.Text;

namespace Pedigree.Weights;

/// <summary>Digests as they are written everywhere: in lower-case hexadecimal.</summary>
public static class Hashing
{
    /// <summary>SHA-256 of bytes.</summary>
    public static string Sha256(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>SHA-256 of a text in UTF-8.</summary>
    public static string Sha256(string text) => Sha256(Encoding.UTF8.GetBytes(text));
}
