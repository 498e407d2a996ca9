using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Kernels;

namespace Pedigree.Weights.Grams;

/// <summary>
/// One thread's means to measure blocks of a base and n models: vectors 0 for the base and 1 … n for the δ, of which it finds the
/// products of every one with itself and those before it, and the sums.
/// </summary>
internal sealed unsafe class GramWorker : IDisposable
{
    private readonly int _vectors;
    private readonly int _known;
    private readonly int _values;
    private readonly NativeBuffer _memory;
    private readonly byte* _inputs;
    private readonly float* _chunks;
    private readonly double* _lanes;

    /// <param name="models">Number of models, those known first.</param>
    /// <param name="known">Number of models whose products among themselves are left out.</param>
    public GramWorker(int models, int known)
    {
        (_vectors, _known, _values) = (models + 1, known, GramSums.Size(models));
        _memory = new(Bytes(models));
        _inputs = _memory.Start;
        _chunks = (float*)(_inputs + InputBytes(_vectors));
        _lanes = (double*)((byte*)_chunks + ChunkBytes(_vectors));
    }

    /// <summary>Bytes that a thread takes for a base and so many models.</summary>
    public static long WorkerBytes(int models) => NativeBuffer.Room(Bytes(models));

    private static long Bytes(int models) => InputBytes(models + 1) + ChunkBytes(models + 1) + LaneBytes(models);

    private static long InputBytes(int vectors) => (long)vectors * Blocks.Size * sizeof(float);

    private static long ChunkBytes(int vectors) => (long)vectors * InnerProducts.Chunk * sizeof(float);

    private static long LaneBytes(int models) => (long)GramSums.Size(models) * InnerProducts.Lanes * sizeof(double);

    /// <summary>The products and sums (<see cref="GramSums"/>) of a block of a tensor.</summary>
    /// <param name="tensors">
    /// The tensor in the base, or null: then vector 0 is zero and the others are the models themselves; and in the models.
    /// </param>
    /// <param name="block">Which of its elements.</param>
    /// <exception cref="BadInputException">A weight is not finite or too large.</exception>
    public double[] Measure(ReadOnlySpan<Tensor?> tensors, Block block)
    {
        // The errors of few elements do not average out: float32 would lose the angle between scalars
        // much smaller than their base.
        var values = tensors[1]!.Count <= InnerProducts.Chunk ? Short(tensors) : Long(tensors, block);
        if (!values.All(double.IsFinite))
            Refuse(tensors, block);
        return values;
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>A tensor of a single chunk, in float64 throughout.</summary>
    private double[] Short(ReadOnlySpan<Tensor?> tensors)
    {
        var values = new double[_values];
        var vector = new double[_vectors];
        var inputs = stackalloc byte*[_vectors];
        var count = (int)tensors[1]!.Count;
        Read(tensors, 0, count, inputs);
        for (var element = 0; element < count; element++)
            for (var row = 0; row < _vectors; row++)
            {
                vector[row] = (tensors[row] is { DType: var dType }
                    ? Kernels.Weights.Read(dType, inputs[row] + (element * dType.Size()))
                    : 0)
                    - (row > 0 ? vector[0] : 0);
                values[GramSums.SumSlot(_vectors - 1, row)] += vector[row];
                for (var column = 0; column <= row; column++)
                    values[GramSums.ProductSlot(row, column)] += vector[row] * vector[column];
            }
        return values;
    }

    private double[] Long(ReadOnlySpan<Tensor?> tensors, Block block)
    {
        new Span<double>(_lanes, _values * InnerProducts.Lanes).Clear();
        var vectors = stackalloc float*[_vectors];
        for (var i = 0; i < _vectors; i++)
            vectors[i] = _chunks + (i * InnerProducts.Chunk);
        var inputs = stackalloc byte*[_vectors];
        Read(tensors, block.Start, block.Count, inputs);
        for (var at = Direct(tensors, block.Count, inputs, _lanes); at < block.Count; at += InnerProducts.Chunk)
            Measure(tensors, at, Math.Min(InnerProducts.Chunk, block.Count - at), inputs, vectors, _lanes);
        var values = new double[_values];
        for (var i = 0; i < values.Length; i++)
            values[i] = InnerProducts.Total(_lanes + (i * InnerProducts.Lanes));
        return values;
    }

    private void Read(ReadOnlySpan<Tensor?> tensors, long start, int count, byte** inputs)
    {
        for (var i = 0; i < _vectors; i++)
            if (tensors[i] is { } tensor)
            {
                var size = tensor.DType.Size();
                inputs[i] = tensor.Fetch(start * size, count * size, _inputs + ((long)i * Blocks.Size * sizeof(float)));
            }
    }

    /// <summary>
    /// The whole chunks of vectors of one type that have a kernel of their own; returns their elements, 0 for all others.
    /// </summary>
    private int Direct(ReadOnlySpan<Tensor?> tensors, int count, byte** inputs, double* lanes)
    {
        var first = tensors[0] is null ? 1 : 0;
        var n = _vectors - first;
        var dType = tensors[1]!.DType;
        if (_known > 0 || (first, n) is not ((1, 2) or (0, QuadProducts.Vectors)))
            return 0;
        for (var i = first; i < _vectors; i++)
            if (tensors[i]!.DType != dType)
                return 0;
        var sums = stackalloc double*[QuadProducts.Values];
        var slot = 0;
        for (var row = first; row < _vectors; row++)
            for (var column = first; column <= row; column++)
                sums[slot++] = lanes + (GramSums.ProductSlot(row, column) * InnerProducts.Lanes);
        for (var row = first; row < _vectors; row++)
            sums[slot++] = lanes + (GramSums.SumSlot(_vectors - 1, row) * InnerProducts.Lanes);
        return first == 0
            ? QuadProducts.Add(dType, inputs, count, sums)
            : PairProducts.Add(dType, inputs[1], inputs[2], count, sums);
    }

    private void Measure(ReadOnlySpan<Tensor?> tensors, int start, int count, byte** inputs, float** vectors, double* lanes)
    {
        var first = tensors[0] is null ? 1 : 0;
        var padded = 0;
        for (var i = first; i < _vectors; i++)
        {
            var dType = tensors[i]!.DType;
            padded = InnerProducts.Difference(
                dType, inputs[i] + (start * dType.Size()), i > 0 && first == 0 ? vectors[0] : null,
                vectors[i], count, lanes + (GramSums.SumSlot(_vectors - 1, i) * InnerProducts.Lanes));
        }
        var done = first;
        if (_known == 0 && _vectors - first >= 2)
        {
            var sums = stackalloc double*[10];
            for (int row = 0, slot = 0; slot < 10; row++)
                for (var column = 0; column <= row; column++)
                    sums[slot++] = lanes + (GramSums.ProductSlot(first + row, first + column) * InnerProducts.Lanes);
            done += InnerProducts.Corner(vectors + first, _vectors - first, padded, sums);
        }
        for (var row = done; row < _vectors; row++)
            InnerProducts.Row(vectors[row], vectors + first, row == 0 || row > _known ? row + 1 - first : 1, padded,
                lanes + (GramSums.ProductSlot(row, first) * InnerProducts.Lanes));
    }

    private static void Refuse(ReadOnlySpan<Tensor?> tensors, Block block)
    {
        foreach (var one in tensors)
            if (one is { } tensor)
                Kernels.Weights.ThrowIfNotFinite(tensor, block.Start, block.Count);
        throw new BadInputException(tensors[1]!.File, tensors[1]!.Name,
            $"products of elements {block.Start} to {block.Start + block.Count - 1} overflow; weights must be below 10¹⁷");
    }
}
