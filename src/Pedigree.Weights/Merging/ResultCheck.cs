using System.Collections.Concurrent;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Merging;

/// <summary>
/// Looks at a finished child for what no merge is meant to give: tensors that are all zero though no parent's is, and tensors
/// whose norm collapsed. A sample of every tensor is read, and the whole only of those whose sample is suspicious, so it costs
/// next to nothing; what it says is exact, but a tensor that collapsed all over except in the sample is not found.
/// </summary>
internal static class ResultCheck
{
    /// <summary>A norm below this part of every parent's has collapsed.</summary>
    public const double Collapsed = 0.01;

    private const int Runs = 8;
    private const int Run = 512;
    private const int All = int.MaxValue;
    private const int MostNamed = 3;

    /// <summary>One warning for each kind of trouble; none where all is well.</summary>
    /// <param name="tensors">What was merged.</param>
    /// <param name="files">The safetensors files that it was written to.</param>
    public static IReadOnlyList<string> Warnings(IEnumerable<TensorMerge> tensors, IEnumerable<string> files)
    {
        List<Checkpoint> open = [];
        try
        {
            foreach (var file in files)
                open.Add(Checkpoint.OpenFile(file));
            var written = open.SelectMany(shard => shard.Tensors).ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
            return Warnings(tensors, (name, start, bytes) => written[name].Read(start, bytes));
        }
        finally
        {
            foreach (var shard in open)
                shard.Dispose();
        }
    }

    /// <summary>The same of a child whose tensors are read otherwise.</summary>
    public static IReadOnlyList<string> Warnings(IEnumerable<TensorMerge> tensors, TensorReader child)
    {
        ConcurrentBag<string> zero = [], collapsed = [];
        Parallel.ForEach(tensors.Where(tensor => tensor.Output.IsMerged()), merge =>
        {
            if (HasCollapsed(merge, child, Runs) && HasCollapsed(merge, child, All))
                (OfChild(merge, child, All) == 0 ? zero : collapsed).Add(merge.Name);
        });
        return [.. Words(zero, "all zero, though no parent's is"),
            .. Words(collapsed,
                FormattableString.Invariant($"shorter than {100 * Collapsed:0} % of every parent's (Frobenius norm)"))];
    }

    private static IEnumerable<string> Words(IReadOnlyCollection<string> names, string what)
    {
        if (names.Count == 0)
            yield break;
        var more = names.Count > MostNamed ? $" and {names.Count - MostNamed} more" : "";
        yield return $"{names.Count} {(names.Count == 1 ? "tensor is" : "tensors are")} {what}: "
            + $"{string.Join(", ", names.Order(StringComparer.Ordinal).Take(MostNamed))}{more}";
    }

    private static bool HasCollapsed(TensorMerge merge, TensorReader child, int runs)
    {
        var own = OfChild(merge, child, runs);
        // The parents' samples may be zero where the child's is, and yet they are not.
        return runs < All && own == 0 || merge.Sources.Take(merge.Models).All(parent => own < Collapsed * Collapsed
            * SumOfSquares(parent.DType, parent.Count, runs, parent.Read));
    }

    private static double OfChild(TensorMerge merge, TensorReader child, int runs) =>
        SumOfSquares(merge.Output, merge.Count, runs, (start, bytes) => child(merge.Name, start, bytes));

    /// <summary>Over so many runs of elements, spread evenly, or over all.</summary>
    private static unsafe double SumOfSquares(DType dType, long elements, int runs, Action<long, Span<byte>> read)
    {
        var whole = elements <= (long)runs * Run;
        var count = whole ? (elements + Run - 1) / Run : runs;
        var values = stackalloc float[Run];
        var bytes = stackalloc byte[Run * sizeof(float)];
        var sum = 0.0;
        for (var i = 0L; i < count; i++)
        {
            var start = whole ? i * Run : (elements - Run) / (count - 1) * i;
            var length = (int)Math.Min(Run, elements - start);
            read(start * dType.Size(), new(bytes, length * dType.Size()));
            Singles.Load(dType, bytes, values, length);
            for (var k = 0; k < length; k++)
                sum += (double)values[k] * values[k];
        }
        return sum;
    }
}
