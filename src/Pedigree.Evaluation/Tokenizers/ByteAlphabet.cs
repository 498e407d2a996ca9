using System.Text;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// The 256 visible characters by which byte-level tokenizers write bytes: printable Latin-1 stands for itself, every other byte,
/// in order, for the characters from U+0100 on (so a space is Ġ). The scheme is GPT-2's.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = MakeCharacters();

    private static readonly Dictionary<char, byte> Bytes =
        Characters.Select((character, value) => (character, value))
            .ToDictionary(pair => pair.character, pair => (byte)pair.value);

    public static string Write(string text) =>
        string.Concat(Encoding.UTF8.GetBytes(text).Select(value => Characters[value]));

    /// <summary>Bytes of a token; a token with any other character (an added one) is its own UTF-8.</summary>
    public static IEnumerable<byte> Read(string token) =>
        token.All(Bytes.ContainsKey) ? token.Select(character => Bytes[character]) : Encoding.UTF8.GetBytes(token);

    private static char[] MakeCharacters()
    {
        var next = '\u0100';
        return Enumerable.Range(0, 256)
            .Select(
                value => value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)value : next++)
            .ToArray();
    }
}
