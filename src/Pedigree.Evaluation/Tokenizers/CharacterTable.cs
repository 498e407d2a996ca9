using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// SentencePiece's table of characters (precompiled_charsmap): texts and what they become. It is the size of a double array in
/// bytes, the double array of Darts-clone (32 bits a unit), and the replacements in UTF-8, each ended by a zero.
/// </summary>
internal sealed class CharacterTable
{
    private readonly uint[] _units;
    private readonly byte[] _replacements;

    /// <param name="content">The bytes of the table.</param>
    /// <param name="bad">A complaint about it.</param>
    /// <exception cref="BadInputException">It is no such table.</exception>
    public CharacterTable(ReadOnlySpan<byte> content, Func<string, BadInputException> bad)
    {
        if (content.Length < 8 || BinaryPrimitives.ReadUInt32LittleEndian(content) is var size
            && (size < 4 || size % 4 != 0 || size > content.Length - 4))
            throw bad("is no table of characters: it must be the size of a double array, the array, and the replacements.");
        _units = new uint[size / 4];
        content.Slice(4, (int)size).CopyTo(MemoryMarshal.AsBytes(_units.AsSpan()));
        _replacements = content[(4 + (int)size)..].ToArray();
    }

    /// <summary>As SentencePiece does it: at every place the longest text of the table.</summary>
    public string Replace(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text).AsSpan();
        var result = new StringBuilder(text.Length);
        while (bytes.Length > 0)
        {
            var (length, replacement) = Find(bytes, longest: true);
            if (length == 0)
            {
                Rune.DecodeFromUtf8(bytes, out var rune, out length);
                result.Append(rune);
            }
            result.Append(replacement);
            bytes = bytes[length..];
        }
        return result.ToString();
    }

    /// <summary>
    /// As Hugging Face's tokenizers do it: of every short cluster of characters the shortest text of the table that it begins
    /// with, in place of the whole cluster; where there is none, and of longer clusters, each character by itself.
    /// </summary>
    public string ReplaceByCluster(string text)
    {
        const int shortCluster = 6;
        var result = new StringBuilder(text.Length);
        for (var clusters = StringInfo.GetTextElementEnumerator(text); clusters.MoveNext();)
        {
            var cluster = clusters.GetTextElement();
            var bytes = Encoding.UTF8.GetBytes(cluster);
            if (bytes.Length < shortCluster && Find(bytes, longest: false) is { Length: > 0 } whole)
            {
                result.Append(whole.Replacement);
                continue;
            }
            foreach (var rune in cluster.EnumerateRunes())
                result.Append(Find(Encoding.UTF8.GetBytes(rune.ToString()), longest: false) is { Length: > 0 } single
                    ? single.Replacement
                    : rune.ToString());
        }
        return result.ToString();
    }

    /// <summary>How many bytes of a text the table has something for, and what; 0 for nothing.</summary>
    private (int Length, string Replacement) Find(ReadOnlySpan<byte> text, bool longest)
    {
        var found = (Length: 0, Replacement: "");
        var place = Children(0, _units[0]);
        for (var length = 0; length < text.Length && text[length] != 0;)
        {
            place ^= text[length];
            // A unit's label is its lowest byte; that of a value has its highest bit set, and is none.
            if (place >= _units.Length || (_units[place] & 0x800000FF) != text[length])
                break;
            length++;
            var unit = _units[place];
            place = Children(place, unit);
            if ((unit & 0x100) == 0)
                continue;
            if (place >= _units.Length)
                break;
            found = (length, Text(_units[place] & 0x7FFFFFFF));
            if (!longest)
                break;
        }
        return found;
    }

    private static uint Children(uint place, uint unit) => place ^ (unit >> 10 << (int)((unit & 0x200) >> 6));

    private string Text(uint start) => start >= _replacements.Length ? ""
        : Encoding.UTF8.GetString(
            _replacements.AsSpan((int)start) is var rest && rest.IndexOf((byte)0) is var end and >= 0 ? rest[..end] : rest);
}
