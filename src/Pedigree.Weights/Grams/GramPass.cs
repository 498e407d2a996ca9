using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Grams;

/// <summary>
/// One pass over a base and n models. Vectors are numbered 0 for the base and 1 … n for the δ; the products of every vector with
/// itself and those before it are summed block by block, the blocks of a tensor in order.
/// </summary>
internal sealed unsafe class GramPass
{
    // Elements of each vector read at a time: they stay in the second-level cache.
    private const int Stretch = Blocks.Size;

    private readonly Checkpoint?[] _checkpoints;
    private readonly Tensor?[][] _tensors;
    private readonly int _known;
    private readonly Tally[] _tallies;

    private GramPass(Checkpoint? origin, IReadOnlyList<Checkpoint> models, int known, IReadOnlyList<string> names)
    {
        _checkpoints = [origin, .. models];
        _tensors = [.. _checkpoints.Select(checkpoint => names.Select(name => checkpoint?.Find(name)).ToArray())];
        _known = known;
        _tallies = [.. _tensors[1].Select(tensor => new Tally(Blocks.Number(tensor!.Count)))];
    }

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
        var pass = new GramPass(origin, models, known, names);
        long[] counts = [.. pass._tensors[1].Select(tensor => tensor!.Count)];
        Blocks.Run(counts, threads, () => new Worker(pass), (worker, block) => worker.Measure(block), progress, cancellation);
        var size = GramSums.Size(models.Count);
        return new(models.Count, names, counts, [.. pass._tallies.Select(tally => tally.Total ?? new double[size])]);
    }

    /// <summary>Bytes that a thread takes for a base and so many models.</summary>
    public static long WorkerBytes(int models) => NativeBuffer.Room(Bytes(models));

    private static long Bytes(int models) => InputBytes(models + 1) + ChunkBytes(models + 1) + LaneBytes(models);

    private static long InputBytes(int vectors) => (long)vectors * Stretch * sizeof(float);

    private static long ChunkBytes(int vectors) => (long)vectors * InnerProducts.Chunk * sizeof(float);

    private static long LaneBytes(int models) => (long)GramSums.Size(models) * InnerProducts.Lanes * sizeof(double);

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
            var total = _blocks[0]!;
            foreach (var block in _blocks.Skip(1))
                for (var i = 0; i < total.Length; i++)
                    total[i] += block![i];
            Total = total;
            _blocks = null;
        }
    }

    /// <summary>One thread's buffers: a stretch and a chunk of every vector and an accumulator for every value.</summary>
    private sealed class Worker : IDisposable
    {
        private readonly GramPass _pass;
        private readonly int _vectors;
        private readonly int _values;
        private readonly NativeBuffer _memory;
        private readonly byte* _inputs;
        private readonly float* _chunks;
        private readonly double* _lanes;

        public Worker(GramPass pass)
        {
            _pass = pass;
            _vectors = pass._checkpoints.Length;
            _values = GramSums.Size(_vectors - 1);
            _memory = new(Bytes(_vectors - 1));
            _inputs = _memory.Start;
            _chunks = (float*)(_inputs + InputBytes(_vectors));
            _lanes = (double*)((byte*)_chunks + ChunkBytes(_vectors));
        }

        public void Measure(Block block)
        {
            // The errors of few elements do not average out: float32 would lose the angle between scalars much smaller than their base.
            var values = _pass._tensors[1][block.Tensor]!.Count <= InnerProducts.Chunk ? Short(block.Tensor) : Long(block);
            if (!values.All(double.IsFinite))
                Refuse(block);
            _pass._tallies[block.Tensor].Add(block.Index, values);
        }

        public void Dispose() => _memory.Dispose();

        /// <summary>A tensor of a single chunk, in float64 throughout.</summary>
        private double[] Short(int tensor)
        {
            var values = new double[_values];
            var vector = new double[_vectors];
            var inputs = stackalloc byte*[_vectors];
            var count = (int)_pass._tensors[1][tensor]!.Count;
            Read(tensor, 0, count, inputs);
            for (var element = 0; element < count; element++)
                for (var row = 0; row < _vectors; row++)
                {
                    vector[row] = (_pass._tensors[row][tensor] is { DType: var dType } ? Kernels.Weights.Read(dType, inputs[row] + (element * dType.Size())) : 0)
                        - (row > 0 ? vector[0] : 0);
                    values[GramSums.SumSlot(_vectors - 1, row)] += vector[row];
                    for (var column = 0; column <= row; column++)
                        values[GramSums.ProductSlot(row, column)] += vector[row] * vector[column];
                }
            return values;
        }

        private double[] Long(Block block)
        {
            new Span<double>(_lanes, _values * InnerProducts.Lanes).Clear();
            var vectors = stackalloc float*[_vectors];
            for (var i = 0; i < _vectors; i++)
                vectors[i] = _chunks + (i * InnerProducts.Chunk);
            var inputs = stackalloc byte*[_vectors];
            for (var start = 0; start < block.Count; start += Stretch)
            {
                var count = Math.Min(Stretch, block.Count - start);
                Read(block.Tensor, block.Start + start, count, inputs);
                for (var at = Direct(block.Tensor, count, inputs, _lanes); at < count; at += InnerProducts.Chunk)
                    Measure(block.Tensor, at, Math.Min(InnerProducts.Chunk, count - at), inputs, vectors, _lanes);
            }
            var values = new double[_values];
            for (var i = 0; i < values.Length; i++)
                values[i] = InnerProducts.Total(_lanes + (i * InnerProducts.Lanes));
            return values;
        }

        private void Read(int number, long start, int count, byte** inputs)
        {
            for (var i = 0; i < _vectors; i++)
                if (_pass._tensors[i][number] is { } tensor)
                {
                    var size = tensor.DType.Size();
                    inputs[i] = tensor.Fetch(start * size, count * size, _inputs + ((long)i * Stretch * sizeof(float)));
                }
        }

        /// <summary>The whole chunks of vectors of one type that have a kernel of their own; returns their elements, 0 for all others.</summary>
        private int Direct(int number, int count, byte** inputs, double* lanes)
        {
            var first = _pass._tensors[0][number] is null ? 1 : 0;
            var n = _vectors - first;
            var dType = _pass._tensors[1][number]!.DType;
            if (_pass._known > 0 || (first, n) is not ((1, 2) or (0, QuadProducts.Vectors)))
                return 0;
            for (var i = first; i < _vectors; i++)
                if (_pass._tensors[i][number]!.DType != dType)
                    return 0;
            var sums = stackalloc double*[QuadProducts.Values];
            var slot = 0;
            for (var row = first; row < _vectors; row++)
                for (var column = first; column <= row; column++)
                    sums[slot++] = lanes + (GramSums.ProductSlot(row, column) * InnerProducts.Lanes);
            for (var row = first; row < _vectors; row++)
                sums[slot++] = lanes + (GramSums.SumSlot(_vectors - 1, row) * InnerProducts.Lanes);
            return first == 0 ? QuadProducts.Add(dType, inputs, count, sums) : PairProducts.Add(dType, inputs[1], inputs[2], count, sums);
        }

        private void Measure(int number, int start, int count, byte** inputs, float** vectors, double* lanes)
        {
            var first = _pass._tensors[0][number] is null ? 1 : 0;
            var padded = 0;
            for (var i = first; i < _vectors; i++)
            {
                var dType = _pass._tensors[i][number]!.DType;
                padded = InnerProducts.Difference(
                    dType, inputs[i] + (start * dType.Size()), i > 0 && first == 0 ? vectors[0] : null,
                    vectors[i], count, lanes + (GramSums.SumSlot(_vectors - 1, i) * InnerProducts.Lanes));
            }
            var done = first;
            if (_pass._known == 0 && _vectors - first >= 2)
            {
                var sums = stackalloc double*[10];
                for (int row = 0, slot = 0; slot < 10; row++)
                    for (var column = 0; column <= row; column++)
                        sums[slot++] = lanes + (GramSums.ProductSlot(first + row, first + column) * InnerProducts.Lanes);
                done += InnerProducts.Corner(vectors + first, _vectors - first, padded, sums);
            }
            for (var row = done; row < _vectors; row++)
                InnerProducts.Row(vectors[row], vectors + first, row == 0 || row > _pass._known ? row + 1 - first : 1, padded,
                    lanes + (GramSums.ProductSlot(row, first) * InnerProducts.Lanes));
        }

        private void Refuse(Block block)
        {
            for (var i = 0; i < _vectors; i++)
                if (_pass._tensors[i][block.Tensor] is { } tensor)
                    Kernels.Weights.ThrowIfNotFinite(tensor, block.Start, block.Count);
            throw new BadInputException(_pass._tensors[1][block.Tensor]!.File, _pass._tensors[1][block.Tensor]!.Name,
                $"products of elements {block.Start} to {block.Start + block.Count - 1} overflow; weights must be below 10¹⁷");
        }
    }
}
