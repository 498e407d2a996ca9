using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Elementwise;

/// <summary>The k elements of a vector as long as a tensor that are largest in magnitude; of equal ones the earlier.</summary>
internal sealed unsafe class Cut
{
    private readonly uint _magnitude;
    private readonly int[]? _equal;

    private Cut(bool isNone, bool isAll, uint magnitude, int[]? equal)
    {
        IsNone = isNone;
        IsAll = isAll;
        _magnitude = magnitude;
        _equal = equal;
    }

    /// <summary>Whether no element is among them.</summary>
    public bool IsNone { get; }

    /// <summary>Whether all elements are.</summary>
    public bool IsAll { get; }

    /// <summary>Finds the cuts of the models' δ.</summary>
    public static Cut[] Find(TensorSources tensor, IReadOnlyList<(int Model, long K)> sought) =>
        Find(tensor, (block, model) => block.DeltaPointer(model), sought);

    /// <summary>Finds cuts at several k, of several vectors.</summary>
    public static Cut[] Find(TensorSources tensor, Ranks.Vector load, IReadOnlyList<(int Vector, long K)> sought)
    {
        int[] real = [.. Enumerable.Range(0, sought.Count).Where(i => sought[i].K > 0 && sought[i].K < tensor.Count)];
        var ranks = real.Length == 0 ? [] : Ranks.Find(tensor, load, [.. real.Select(i => sought[i])]);
        // Zeros need not be told from each other: it is the same whether they are kept.
        int[] shared = [.. Enumerable.Range(0, real.Length).Where(i => ranks[i].Magnitude > 0)];
        var equal = real.Select(_ => new int[shared.Length == 0 ? 0 : tensor.Blocks()]).ToArray();
        if (shared.Length > 0)
            tensor.Pass(block =>
            {
                foreach (var group in shared.GroupBy(i => sought[real[i]].Vector))
                {
                    var values = load(block, group.Key);
                    foreach (var i in group)
                        equal[i][block.Index] = Magnitudes.CountEqual(values, block.Padded, ranks[i].Magnitude);
                }
            });
        var cuts = sought.Select(one => new Cut(one.K <= 0, one.K >= tensor.Count, 0, null)).ToArray();
        for (var i = 0; i < real.Length; i++)
        {
            var left = ranks[i].Equal;
            for (var block = 0; block < equal[i].Length; block++)
                left -= equal[i][block] = (int)Math.Min(equal[i][block], left);
            cuts[real[i]] = new(false, false, ranks[i].Magnitude, equal[i].Length == 0 ? null : equal[i]);
        }
        return cuts;
    }

    /// <summary>Sets elements to zero that are not among them; or, if <paramref name="keep"/> is false, those that are.</summary>
    public void Apply(TensorBlock block, float* values, bool keep)
    {
        if (IsNone ? keep : IsAll && !keep)
            new Span<float>(values, block.Count).Clear();
        else if (!IsNone && !IsAll)
            Magnitudes.Cut(values, block.Padded, _magnitude, _equal?[block.Index] ?? 0, keep);
    }
}
