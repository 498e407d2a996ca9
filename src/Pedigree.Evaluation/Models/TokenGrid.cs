using static TorchSharp.torch;

namespace Pedigree.Evaluation.Models;

/// <summary>Tokens that follow each other in a text, the first of them at the position <paramref name="Start"/>.</summary>
internal sealed record Stretch(int[] Tokens, int Start);

/// <summary>
/// Tokens that are read together, [rows, width]. A row is one stretch that all later tokens of the row see; or several stretches
/// side by side, each of which goes on from what was read before and sees none of the others. Shorter
/// rows are padded on the right.
/// </summary>
internal sealed class TokenGrid
{
    /// <summary>The position of padding: after every token, so that none sees it.</summary>
    public const long Padding = int.MaxValue;

    private readonly long[] _ids, _positions, _branches;
    private readonly List<int[]> _begins = [];

    public TokenGrid(IReadOnlyList<IReadOnlyList<Stretch>> rows)
    {
        Rows = rows.Count;
        Width = rows.Max(row => row.Sum(stretch => stretch.Tokens.Length));
        (_ids, _positions, _branches) = (new long[Rows * Width], new long[Rows * Width], new long[Rows * Width]);
        Array.Fill(_positions, Padding);
        foreach (var (number, row) in rows.Index())
        {
            var place = number * Width;
            _begins.Add(new int[row.Count]);
            foreach (var (branch, stretch) in row.Index())
            {
                _begins[number][branch] = place;
                for (var i = 0; i < stretch.Tokens.Length; i++, place++)
                    (_ids[place], _positions[place], _branches[place]) =
                        (stretch.Tokens[i], stretch.Start + i, row.Count > 1 ? branch + 1 : 0);
            }
        }
        Lengths = [.. rows.Select(row => row.Max(stretch => stretch.Start + stretch.Tokens.Length))];
        IsPlain = rows.All(row => row.Count == 1 && row[0].Start == 0);
    }

    public int Rows { get; }

    public int Width { get; }

    /// <summary>How long each row's texts are, what was read before included.</summary>
    public IReadOnlyList<int> Lengths { get; }

    /// <summary>Whether each row is the beginning of one text.</summary>
    public bool IsPlain { get; }

    /// <summary>Where the index-th token of a stretch is in the flattened grid.</summary>
    public long Place(int row, int stretch, int index) => _begins[row][stretch] + index;

    /// <summary>[rows · width].</summary>
    public Tensor Ids(Device device) => tensor(_ids, device: device);

    public Places PlacesOn(Device device) =>
        new(tensor(_positions, [Rows, Width], device: device), tensor(_branches, [Rows, Width], device: device));
}

/// <summary>Where tokens are in their texts, int64 [rows, tokens] each.</summary>
/// <param name="Positions">From 0, or <see cref="TokenGrid.Padding"/>.</param>
/// <param name="Branches">0 where all later tokens of the row see it, else a number that those which see it have too.</param>
internal sealed record Places(Tensor Positions, Tensor Branches);
