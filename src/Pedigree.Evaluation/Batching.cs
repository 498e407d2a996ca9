using Pedigree.Evaluation.Models;

namespace Pedigree.Evaluation;

/// <summary>What is computed together: as much as memory allows, of similar lengths.</summary>
internal static class Batching
{
    /// <summary>Longest first, equals in order, as many together as fit the budget once padded.</summary>
    /// <param name="lengths">Tokens of each unit that stays together.</param>
    /// <param name="budget">Tokens at most, padding included; a unit that alone is larger goes alone.</param>
    /// <returns>Numbers of the units.</returns>
    public static IReadOnlyList<IReadOnlyList<int>> Split(IReadOnlyList<int> lengths, int budget)
    {
        var batches = new List<List<int>>();
        foreach (var unit in Enumerable.Range(0, lengths.Count).OrderByDescending(unit => lengths[unit]))
        {
            if (batches.Count == 0 || (batches[^1].Count + 1) * (long)lengths[batches[^1][0]] > budget)
                batches.Add([]);
            batches[^1].Add(unit);
        }
        return batches;
    }

    /// <summary>Computes a batch; where memory runs out, its two halves, and so on down to a single unit.</summary>
    public static void Run(IReadOnlyList<int> batch, Action<IReadOnlyList<int>> compute)
    {
        try
        {
            compute(batch);
            return;
        }
        catch (Exception error) when (batch.Count > 1 && DeviceMemory.IsExhausted(error))
        {
            GC.Collect(); // Tensors of the failed batch that nobody disposed of.
        }
        Run([.. batch.Take(batch.Count / 2)], compute);
        Run([.. batch.Skip(batch.Count / 2)], compute);
    }
}
