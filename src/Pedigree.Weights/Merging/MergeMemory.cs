using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Elementwise;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Kernels;
using Pedigree.Weights.Methods;

namespace Pedigree.Weights.Merging;

/// <summary>
/// Bounds the anonymous memory that a merge takes beside the program itself, by the sizes of the buffers that its
/// threads will make. The models and the child are read and written in stretches: they are in the page cache, which is
/// given back when others need it.
/// </summary>
internal static class MergeMemory
{
    /// <summary>Bytes for a part, however its work is distributed over so many threads.</summary>
    public static long Bound(MergePart part, MergePlan plan, int threads)
    {
        var models = part.Parents.Count;
        var sources = models + (part.Recipe.Body.HasOrigin ? 1 : 0);
        var bound = Math.Max((long)threads * CheckpointDigest.BufferLength, threads * WeightWriter.WorkerBytes(
            sources, part.Parents[0].Checkpoint.Tensors.Max(tensor => part.Written(tensor.Name).Size())));
        if (plan.NeedsGram)
            bound = Math.Max(
                bound, Math.Max(Products(part, models, threads), threads * HeldWriter.WorkerBytes(part, plan, threads)));
        if (part.Recipe.Body.Method is IElementwiseMethod method)
            bound = Math.Max(bound, plan.Elementwise.Select(
                name => Elementwise(method, part.Parents[0].Checkpoint.Find(name)!, models, threads)).DefaultIfEmpty().Max());
        return bound;
    }

    private static long Products(MergePart part, int models, int threads)
    {
        // Blocks' values wait until all of their tensor are there, of as many tensors at once as there are threads.
        const int ArrayHeader = 24;
        var tensors = part.Parents[0].Checkpoint.Tensors;
        var waiting = tensors.Count + (threads * (long)Blocks.Number(tensors.Max(tensor => tensor.Count)));
        return (threads * GramWorker.WorkerBytes(models)) + (waiting * ((GramSums.Size(models) * sizeof(double)) + ArrayHeader));
    }

    private static long Elementwise(IElementwiseMethod method, Tensor tensor, int models, int threads)
    {
        var columns = Math.Max(1, tensor.Shape.Count == 0 ? 1 : tensor.Shape[^1]);
        threads = (int)Math.Min(threads, (tensor.Count / Math.Max(columns, TensorBlock.Size)) + 1);
        var ranked = method.Ranked(models);
        // What passes note of each block (two sums a model, one number a rank) and row, and of columns what
        // is the same for all rows.
        var noted = (((tensor.Count / TensorBlock.Size) + 1) * ((2 * sizeof(double) * models) + (sizeof(int) * ranked)))
            + (sizeof(float) * tensor.Count / columns) + (sizeof(float) * columns * models);
        return (threads * (TensorBlock.BytesFor(models, columns) + Ranks.CounterBytes(ranked))) + noted;
    }
}
