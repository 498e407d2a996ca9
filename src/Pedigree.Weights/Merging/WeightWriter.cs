using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Merging;

/// <summary>
/// Reads mapped sources, sums and writes, block by block on several threads. Each thread keeps one block of output and, where
/// types must be converted, short stretches of input: the memory does not depend on the size of the model.
/// </summary>
internal static unsafe class WeightWriter
{
    // Elements converted at a time: they stay in the second-level cache.
    private const int Tile = 4096;

    private const long OutputBytes = Blocks.Size * 8L;

    /// <summary>Bytes that a thread takes to sum so many sources.</summary>
    public static long WorkerBytes(int sources) => OutputBytes + InputBytes(sources);

    private static long InputBytes(int sources) => Tile * 4L * (sources + 1);

    public static void Write(
        IReadOnlyList<TensorMerge> tensors, CheckpointWriter files, int threads, IProgress<double>? progress, CancellationToken cancellation) =>
        Blocks.Run([.. tensors.Select(tensor => tensor.Count)], threads, () => new Worker(tensors.Max(tensor => tensor.Sources.Count)),
            (worker, block) => worker.Write(tensors[block.Tensor], block, files), progress, cancellation,
            tensor => Lead(files.StartOf(tensors[tensor].Name), tensors[tensor].Output.Size()));

    // Blocks end at multiples of their size in the file: the page cache takes such stretches as a whole.
    private static int Lead(long start, int size) => Blocks.Size - (int)(start / size % Blocks.Size);

    private sealed class Worker(int sources) : IDisposable
    {
        private readonly NativeBuffer _output = new(OutputBytes);
        private readonly NativeBuffer _inputs = new(InputBytes(sources));

        public void Write(TensorMerge tensor, Block block, CheckpointWriter files)
        {
            var length = block.Count * tensor.Output.Size();
            if (tensor.Coefficients is null)
                Carry(tensor, block);
            else
                Sum(tensor, block, tensor.Coefficients);
            files.Write(tensor.Name, block.Start * tensor.Output.Size(), new(_output.Start, length));
        }

        public void Dispose()
        {
            _output.Dispose();
            _inputs.Dispose();
        }

        private void Carry(TensorMerge tensor, Block block)
        {
            var size = tensor.Output.Size();
            var bytes = tensor.Sources[0].Bytes(block.Start * size, block.Count * size);
            for (var i = 1; i < tensor.Sources.Count; i++)
                if (tensor.Sources[i].DType != tensor.Output || !tensor.Sources[i].Bytes(block.Start * size, bytes.Length).SequenceEqual(bytes))
                    throw new BadInputException(tensor.Sources[i].File, tensor.Name,
                        $"is of type {tensor.Sources[i].DType.SafetensorsName()}, which is carried through, and differs from {tensor.Sources[0].File}; it must be equal in all models, or BF16, F16 or F32 to be merged");
            bytes.CopyTo(new(_output.Start, bytes.Length));
        }

        private void Sum(TensorMerge tensor, Block block, double[] coefficients)
        {
            var n = coefficients.Length;
            var pointers = stackalloc byte*[n];
            var converted = tensor.Rounded != tensor.Output || tensor.Sources.Any(source => source.DType != tensor.Input);
            var step = converted ? Tile : block.Count;
            var kernel = WeightedSum.For(tensor.Input, tensor.Rounded);
            fixed (double* factors = coefficients)
            {
                for (var start = 0; start < block.Count; start += step)
                {
                    var count = Math.Min(step, block.Count - start);
                    var finite = true;
                    for (var i = 0; i < n; i++)
                    {
                        var source = tensor.Sources[i];
                        pointers[i] = source.Data + ((block.Start + start) * source.DType.Size());
                        if (source.DType != tensor.Input)
                            finite &= Convert(source.DType, tensor.Input, pointers[i], pointers[i] = _inputs.Start + (i * Tile * 4), count);
                    }
                    var target = _output.Start + ((long)start * tensor.Output.Size());
                    var sum = tensor.Rounded == tensor.Output ? target : _inputs.Start + (n * Tile * 4);
                    finite &= kernel(pointers, factors, n, sum, count);
                    if (sum != target)
                        finite &= Convert(tensor.Rounded, tensor.Output, sum, target, count);
                    if (!finite)
                        Refuse(tensor, block);
                }
            }
        }

        private static bool Convert(DType from, DType to, byte* source, byte* target, int count)
        {
            var one = 1.0;
            return WeightedSum.For(from, to)(&source, &one, 1, target, count);
        }

        private static void Refuse(TensorMerge tensor, Block block)
        {
            foreach (var source in tensor.Sources)
                Kernels.Weights.ThrowIfNotFinite(source, block.Start, block.Count);
            throw tensor.Overflow(block.Start, block.Count);
        }
    }
}
