using System.Text;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>
/// A JSON value beside the SHA-256 of the thing's name and of its bytes: <c>{"sha256":"…","content":…}</c>. What was damaged,
/// edited or put in the place of another is found when it is read. That somebody made up the digest too is what an audit
/// finds, which computes all anew.
/// </summary>
internal static class SealedJson
{
    private const string Before = "{\"sha256\":\"", Between = "\",\"content\":", After = "}\n";

    /// <summary>The bytes to be kept under a name.</summary>
    public static byte[] Seal(string name, ReadOnlySpan<byte> json)
    {
        string sha256 = Hashing.Sha256([.. Encoding.UTF8.GetBytes(name + "\n"), .. json]);
        return [.. Encoding.UTF8.GetBytes(Before + sha256 + Between), .. json, .. Encoding.UTF8.GetBytes(After)];
    }

    /// <summary>The JSON that was kept under a name.</summary>
    /// <exception cref="BadInputException">It is not as it was written.</exception>
    public static ReadOnlyMemory<byte> Open(IStore store, string name, byte[] content)
    {
        int start = Before.Length + 64 + Between.Length;
        return content.Length >= start + After.Length
            && content[start..^After.Length] is var json
            && content.AsSpan().SequenceEqual(Seal(name, json)) ? json
            : throw new BadInputException(store.AddressOf(name), null,
                "is not as it was written; remove the file and it is computed again");
    }
}
