using System.Collections.Concurrent;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Merging;

/// <summary>
/// Merges tensors elementwise and writes them, one tensor after the other, so that what a pass has read is still near for the
/// next. Each thread keeps one block of every model: the memory does not depend on the size of the model.
/// </summary>
internal static unsafe class ElementwiseWriter
{
    /// <param name="tensors">Tensors with an elementwise method.</param>
    /// <param name="files">Where to write.</param>
    /// <param name="threads">0: as many as there are cores.</param>
    /// <param name="progress">Receives the fraction done.</param>
    /// <param name="cancellation">Ends the merge between two blocks.</param>
    public static void Write(
        IReadOnlyList<TensorMerge> tensors,
        CheckpointWriter files,
        int threads,
        IProgress<double>? progress,
        CancellationToken cancellation)
    {
        var free = new ConcurrentBag<TensorBlock>();
        try
        {
            double total = Math.Max(1, tensors.Sum(tensor => tensor.Count));
            var done = 0L;
            foreach (var tensor in tensors)
            {
                TensorSources sources = new(tensor, free, threads, cancellation);
                var merge = tensor.Elementwise!.Prepare(sources, tensor.Parameters);
                sources.Pass(block =>
                {
                    merge.Merge(block);
                    Write(tensor, block, files);
                    progress?.Report(Interlocked.Add(ref done, block.Count) / total);
                }, merge.WholeRows);
            }
        }
        finally
        {
            foreach (var block in free)
                block.Dispose();
        }
    }

    private static void Write(TensorMerge tensor, TensorBlock block, CheckpointWriter files)
    {
        // The method is done with its scratch.
        var rounded = (byte*)block.ScratchPointer;
        var finite = Singles.Store(tensor.Rounded, block.ResultPointer, rounded, block.Count);
        if (tensor.Rounded != tensor.Output)
        {
            finite &= Singles.Load(tensor.Rounded, rounded, block.ResultPointer, block.Count);
            finite &= Singles.Store(tensor.Output, block.ResultPointer, rounded, block.Count);
        }
        if (!finite)
            throw tensor.Overflow(block.Start, block.Count);
        files.Write(tensor.Name, block.Start * tensor.Output.Size(), new(rounded, block.Count * tensor.Output.Size()));
    }
}
