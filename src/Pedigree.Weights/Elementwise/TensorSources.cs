using System.Collections.Concurrent;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;

namespace Pedigree.Weights.Elementwise;

/// <summary>One tensor in all models that are merged, as an elementwise method sees it.</summary>
public sealed class TensorSources
{
    // Columns of a stripe: rows of it are still read in pages.
    private const int Stripe = 2048;

    private readonly TensorMerge _merge;
    private readonly ConcurrentBag<TensorBlock> _free;
    private readonly int _threads;
    private readonly CancellationToken _cancellation;

    internal TensorSources(TensorMerge merge, ConcurrentBag<TensorBlock> free, int threads, CancellationToken cancellation)
    {
        _merge = merge;
        _free = free;
        _threads = threads > 0 ? threads : Environment.ProcessorCount;
        _cancellation = cancellation;
    }

    /// <summary>Its name.</summary>
    public string Name => _merge.Name;

    /// <summary>Sizes, outermost first; empty for a scalar.</summary>
    public IReadOnlyList<long> Shape => _merge.Sources[0].Shape;

    /// <summary>Number of elements.</summary>
    public long Count => _merge.Count;

    /// <summary>Number of models, without the origin.</summary>
    public int Models => _merge.Models;

    /// <summary>Whether there is an origin.</summary>
    public bool HasOrigin => Sources.Count > Models;

    /// <summary>Elements of a row: the last of the sizes; 1 for a scalar.</summary>
    public long Columns => Shape.Count == 0 ? 1 : Shape[^1];

    /// <summary>Blocks of the tensor, or of its whole rows.</summary>
    public int Blocks(bool wholeRows = false) => checked((int)((Count + Length(wholeRows) - 1) / Length(wholeRows)));

    /// <summary>
    /// The key of random numbers that depend on the seed, the tensor's name and the model alone: not on the order of the models
    /// or on who else is merged.
    /// </summary>
    public ulong RandomKey(int model) => _merge.RandomKeys[model];

    /// <summary>One pass over the tensor: <paramref name="work"/> for each block, in any order, on several threads.</summary>
    public void Pass(Action<TensorBlock> work, bool wholeRows = false) =>
        Pass<object?>(() => null, (_, block) => work(block), wholeRows);

    /// <summary>
    /// One pass that adds up: each thread has a state of its own. Only sums that do not depend on the order, such as counts, may
    /// be kept there; others are noted by <see cref="TensorBlock.Index"/> and added in order afterwards.
    /// </summary>
    /// <returns>The states of all threads.</returns>
    public IReadOnlyList<TState> Pass<TState>(Func<TState> state, Action<TState, TensorBlock> work, bool wholeRows = false)
    {
        var length = Length(wholeRows);
        ConcurrentStack<TState> states = [];
        ConcurrentStack<TState> all = [];
        Run(Blocks(wholeRows), (block, index) =>
        {
            block.Set(this, index, index * length, (int)Math.Min(length, Count - (index * length)));
            if (!states.TryPop(out var mine))
                all.Push(mine = state());
            work(mine, block);
            states.Push(mine);
        });
        return [.. all];
    }

    /// <summary>
    /// One pass over a tensor seen as a matrix of <paramref name="width"/> columns: <paramref name="work"/> for stripes of
    /// neighbouring columns, each from first to last row.
    /// </summary>
    /// <param name="width">Number of columns.</param>
    /// <param name="work">Takes the first column, their number, and one after the other the rows' blocks.</param>
    internal void PassColumns(int width, Action<int, int, IEnumerable<TensorBlock>> work)
    {
        IEnumerable<TensorBlock> Rows(TensorBlock block, int start, int count)
        {
            for (var row = 0L; row < Count / width; row++)
            {
                block.Set(this, 0, (row * width) + start, count);
                yield return block;
            }
        }
        Run((width + Stripe - 1) / Stripe, (block, stripe) =>
        {
            var start = stripe * Stripe;
            var count = Math.Min(Stripe, width - start);
            work(start, count, Rows(block, start, count));
        });
    }

    private void Run(int items, Action<TensorBlock, int> work) =>
        FirstError.Of(() => Parallel.For(
            0, items, new ParallelOptions { MaxDegreeOfParallelism = _threads, CancellationToken = _cancellation },
            () => _free.TryTake(out var block) ? block : new(Models),
            (item, _, block) =>
            {
                work(block, item);
                return block;
            },
            _free.Add));

    internal DType Input => _merge.Input;

    internal IReadOnlyList<Tensor> Sources => _merge.Sources;

    private long Length(bool wholeRows) =>
        wholeRows ? Math.Max(1, TensorBlock.Size / Math.Max(1, Columns)) * Math.Max(1, Columns) : TensorBlock.Size;
}
