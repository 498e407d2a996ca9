using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Merging;

/// <summary>
/// Reads sources, sums and writes, block by block on several threads. Each thread keeps a block of input and a few of output: the
/// memory does not depend on the size of the model.
/// </summary>
internal static unsafe class WeightWriter
{
    // Elements converted at a time: they stay in the first-level cache.
    private const int Tile = 4096;

    // A little apart: a processor takes a load for a store's as long as it compares no more than the
    // lower bits of their addresses.
    private const long Distance = (Blocks.Size * 4L) + 256;

    // One is filled while others wait to be written.
    private const int Outputs = 3;

    private const long ConvertedBytes = Tile * 4L;

    /// <summary>Bytes that a thread takes to sum so many sources into elements of so many bytes.</summary>
    public static long WorkerBytes(int sources, int size) => NativeBuffer.Room(Bytes(sources, size));

    private static long Bytes(int sources, int size) =>
        (Outputs * OutputBytes(size)) + (Distance * sources) + (ConvertedBytes * (sources + 1));

    private static long OutputBytes(int size) => ((long)Blocks.Size * size) + 256;

    public static void Write(
        IReadOnlyList<TensorMerge> tensors,
        CheckpointWriter files,
        int threads,
        IProgress<double>? progress,
        CancellationToken cancellation) =>
        Blocks.Run([.. tensors.Select(tensor => tensor.Count)], threads, () => new Worker(tensors),
            (worker, block) => worker.Write(tensors[block.Tensor], block, files), progress, cancellation,
            tensor => Lead(files, tensors[tensor]));

    /// <summary>
    /// Elements of a tensor's first block: blocks end at multiples of their size in the file, which the
    /// page cache takes as a whole.
    /// </summary>
    public static int Lead(CheckpointWriter files, TensorMerge tensor) =>
        Blocks.Size - (int)(files.StartOf(tensor.Name) / tensor.Output.Size() % Blocks.Size);

    /// <summary>One thread's buffers.</summary>
    public sealed class Worker : IDisposable
    {
        private readonly NativeBuffer _memory;
        private readonly ShardBytes[] _outputs = new ShardBytes[Outputs];
        private readonly byte* _inputs;
        private readonly byte* _converted;

        public Worker(IReadOnlyList<TensorMerge> tensors)
        {
            var sources = tensors.Max(tensor => tensor.Sources.Count);
            var size = tensors.Max(tensor => tensor.Output.Size());
            _memory = new(Bytes(sources, size));
            for (var i = 0; i < Outputs; i++)
                _outputs[i] = new(_memory.Start + (i * OutputBytes(size)));
            _inputs = _memory.Start + (Outputs * OutputBytes(size));
            _converted = _inputs + (Distance * sources);
        }

        public void Write(TensorMerge tensor, Block block, CheckpointWriter files)
        {
            // The first that is free: it is the one that is still near.
            var output = _outputs[Task.WaitAny([.. _outputs.Select(one => one.Written)])];
            if (tensor.Coefficients is null)
                Carry(tensor, block, output.Start);
            else
                Sum(tensor, block, tensor.Coefficients, output.Start);
            files.Write(tensor.Name, block.Start * tensor.Output.Size(), output, block.Count * tensor.Output.Size());
        }

        public void Dispose()
        {
            Task.WaitAll(_outputs.Select(one => one.Written));
            _memory.Dispose();
        }

        private void Carry(TensorMerge tensor, Block block, byte* output)
        {
            var size = tensor.Output.Size();
            var start = block.Start * size;
            Span<byte> bytes = new(output, block.Count * size);
            tensor.Sources[0].Read(start, bytes);
            for (var i = 1; i < tensor.Sources.Count; i++)
                if (tensor.Sources[i].DType != tensor.Output || !IsEqual(tensor.Sources[i], start, bytes))
                    throw new BadInputException(tensor.Sources[i].File, tensor.Name,
                        $"is of type {tensor.Sources[i].DType.SafetensorsName()}, which is carried through, and differs from "
                        + $"{tensor.Sources[0].File}; it must be equal in all models, or BF16, F16 or F32 to be merged");
        }

        private bool IsEqual(Tensor tensor, long start, ReadOnlySpan<byte> bytes)
        {
            for (var at = 0; at < bytes.Length; at += Blocks.Size)
            {
                Span<byte> others = new(_inputs, Math.Min(Blocks.Size, bytes.Length - at));
                tensor.Read(start + at, others);
                if (!bytes.Slice(at, others.Length).SequenceEqual(others))
                    return false;
            }
            return true;
        }

        private void Sum(TensorMerge tensor, Block block, double[] coefficients, byte* output)
        {
            var inputs = stackalloc byte*[coefficients.Length];
            for (var i = 0; i < coefficients.Length; i++)
            {
                var size = tensor.Sources[i].DType.Size();
                inputs[i] = tensor.Sources[i].Fetch(block.Start * size, block.Count * size, _inputs + (i * Distance));
            }
            if (!Sum(tensor, inputs, coefficients, output, block.Count))
                Refuse(tensor, block);
        }

        /// <summary>Returns false if anything is not finite.</summary>
        private bool Sum(TensorMerge tensor, byte** inputs, double[] coefficients, byte* output, int count)
        {
            var n = coefficients.Length;
            var kernel = WeightedSum.For(tensor.Input, tensor.Rounded);
            fixed (double* factors = coefficients)
            {
                if (tensor.Rounded == tensor.Output && tensor.Sources.All(source => source.DType == tensor.Input))
                    return kernel(inputs, factors, n, output, count);
                var finite = true;
                var pointers = stackalloc byte*[n];
                for (var start = 0; start < count; start += Tile)
                {
                    var length = Math.Min(Tile, count - start);
                    for (var i = 0; i < n; i++)
                    {
                        var type = tensor.Sources[i].DType;
                        pointers[i] = inputs[i] + (start * type.Size());
                        if (type != tensor.Input)
                            finite &= Convert(type, tensor.Input, pointers[i], pointers[i] = _converted + (i * Tile * 4), length);
                    }
                    var target = output + (start * tensor.Output.Size());
                    var sum = tensor.Rounded == tensor.Output ? target : _converted + (n * Tile * 4);
                    finite &= kernel(pointers, factors, n, sum, length);
                    if (sum != target)
                        finite &= Convert(tensor.Rounded, tensor.Output, sum, target, length);
                }
                return finite;
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
