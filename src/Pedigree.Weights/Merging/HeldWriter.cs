using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Merging;

/// <summary>
/// Sums and writes tensors whose coefficients follow from their products, and that are small enough for a thread to keep: it
/// reads a tensor once, measures it, and sums what it has kept.
/// </summary>
internal static unsafe class HeldWriter
{
    // Bytes that a thread keeps: they stay in the third-level cache.
    private const long Most = 16 << 20;
    private const long MostOfAll = 32 << 20;

    // Sources begin where a line of the cache does.
    private const long Line = 64;

    /// <summary>
    /// Whether a thread keeps a tensor, if its products are not known. They must be those of the sources alone.
    /// </summary>
    public static bool Holds(MergePart part, MergePlan plan, int tensor, int threads) =>
        plan.NeedsGramOf(tensor) && (part.Ancestor is null || part.Recipe.Body.HasOrigin)
        && Room(part, plan.Tensors[tensor]) <= Math.Min(Most, MostOfAll / (threads > 0 ? threads : Environment.ProcessorCount));

    /// <summary>Bytes that a thread takes for such of a part's tensors as it keeps.</summary>
    public static long WorkerBytes(MergePart part, MergePlan plan, int threads)
    {
        var kept = plan.Tensors.Where((_, tensor) => Holds(part, plan, tensor, threads))
            .Select(name => Room(part, name)).DefaultIfEmpty().Max();
        return kept == 0 ? 0
            : NativeBuffer.Room(kept)
                + GramWorker.WorkerBytes(part.Parents.Count)
                + WeightWriter.WorkerBytes(part.Sources.Count(), sizeof(float));
    }

    public static void Write(
        IReadOnlyList<TensorMerge> tensors,
        CheckpointWriter files,
        int threads,
        IProgress<double>? progress,
        CancellationToken cancellation)
    {
        double total = Math.Max(1, tensors.Sum(tensor => tensor.Count));
        var done = 0L;
        Blocks.Run([.. tensors.Select(_ => 1L)], threads, () => new Worker(tensors), (worker, block) =>
        {
            var tensor = tensors[block.Tensor];
            worker.Write(tensor, files);
            progress?.Report(Interlocked.Add(ref done, tensor.Count) / total);
        }, null, cancellation);
    }

    private static long Room(MergePart part, string name) => part.Sources.Sum(source => Room(source.Checkpoint.Find(name)!));

    private static long Room(Tensor tensor) => (tensor.ByteLength + Line - 1) / Line * Line;

    private sealed class Worker : IDisposable
    {
        private readonly NativeBuffer _kept;
        private readonly GramWorker _products;
        private readonly WeightWriter.Worker _sums;

        public Worker(IReadOnlyList<TensorMerge> tensors)
        {
            _kept = new(tensors.Max(tensor => tensor.Sources.Sum(Room)));
            _products = new(tensors[0].Models, 0);
            _sums = new(tensors);
        }

        public void Write(TensorMerge tensor, CheckpointWriter files)
        {
            if (tensor.Count == 0)
                return;
            var memory = _kept.Start;
            Tensor[] sources = [.. tensor.Sources.Select(source =>
            {
                HeldBytes held = new(source, memory);
                memory += Room(source);
                return held.Tensor;
            })];
            Tensor?[] vectors = [sources.Length > tensor.Models ? sources[^1] : null, .. sources.Take(tensor.Models)];
            var values = GramSums.Add(Blocks.Of(tensor.Count).Select(block => _products.Measure(vectors, block)));
            var summed = tensor with
            {
                Sources = sources,
                Coefficients = tensor.CoefficientsOf!(GramSums.Tensor(tensor.Models, values)),
            };
            foreach (var block in Blocks.Of(tensor.Count, WeightWriter.Lead(files, tensor)))
                _sums.Write(summed, block, files);
        }

        public void Dispose()
        {
            _kept.Dispose();
            _products.Dispose();
            _sums.Dispose();
        }
    }
}
