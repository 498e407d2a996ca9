using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Grams;

/// <summary>
/// One pass over a base and n models on several threads: the blocks of a tensor are measured in any order and added in theirs.
/// </summary>
internal static class GramPass
{
    /// <summary>Measures the tensors <paramref name="names"/>.</summary>
    /// <param name="origin">The base, or null: then vector 0 is zero and the others are the models themselves.</param>
    /// <param name="models">The models, those known first.</param>
    /// <param name="known">Number of models whose products among themselves are left out.</param>
    /// <param name="names">Tensors of float type that all have.</param>
    /// <param name="threads">0: as many as there are cores.</param>
    /// <param name="progress">Receives the fraction done.</param>
    /// <param name="cancellation">Ends the pass between two blocks.</param>
    public static GramSums Run(
        Checkpoint? origin, IReadOnlyList<Checkpoint> models, int known, IReadOnlyList<string> names,
        int threads, IProgress<double>? progress, CancellationToken cancellation)
    {
        Checkpoint?[] checkpoints = [origin, .. models];
        Tensor?[][] tensors = [.. names.Select(name => checkpoints.Select(checkpoint => checkpoint?.Find(name)).ToArray())];
        long[] counts = [.. tensors.Select(tensor => tensor[1]!.Count)];
        Tally[] tallies = [.. counts.Select(count => new Tally(Blocks.Number(count)))];
        Blocks.Run(counts, threads, () => new GramWorker(models.Count, known),
            (worker, block) => tallies[block.Tensor].Add(block.Index, worker.Measure(tensors[block.Tensor], block)), progress,
            cancellation);
        var size = GramSums.Size(models.Count);
        return new(models.Count, names, counts, [.. tallies.Select(tally => tally.Total ?? new double[size])]);
    }

    /// <summary>Values of a tensor's blocks until all are there, then their sum in order.</summary>
    private sealed class Tally(int blocks)
    {
        private readonly Lock _lock = new();
        private double[]?[]? _blocks = [];
        private int _missing = blocks;

        public double[]? Total { get; private set; }

        public void Add(int index, double[] values)
        {
            lock (_lock)
            {
                if (_blocks!.Length == 0)
                    _blocks = new double[]?[_missing];
                _blocks[index] = values;
                if (--_missing > 0)
                    return;
            }
            Total = GramSums.Add(_blocks!);
            _blocks = null;
        }
    }
}
