using System.Runtime.ExceptionServices;

namespace Pedigree.Weights.Kernels;

/// <summary>A stretch of one tensor: the unit of work, whatever the number of threads.</summary>
/// <param name="Tensor">Index of the tensor.</param>
/// <param name="Index">Number of the block in its tensor.</param>
/// <param name="Start">First element.</param>
/// <param name="Count">Number of elements.</param>
internal readonly record struct Block(int Tensor, int Index, long Start, int Count);

/// <summary>Cuts tensors into blocks of fixed size and lets threads take them in order.</summary>
internal sealed class Blocks
{
    /// <summary>Elements a block, but for a tensor's last.</summary>
    public const int Size = 128 * 1024;

    private readonly IReadOnlyList<long> _counts;
    private readonly Lock _lock = new();
    private int _tensor;
    private int _index;

    private Blocks(IReadOnlyList<long> counts) => _counts = counts;

    /// <summary>Number of blocks of a tensor.</summary>
    public static int Number(long count) => checked((int)((count + Size - 1) / Size));

    /// <summary>
    /// Runs <paramref name="work"/> on every block of tensors of the given numbers of elements, on at most
    /// <paramref name="threads"/> threads (0: as many as there are cores). Each thread makes one worker and disposes it. The first
    /// exception ends the run and is thrown.
    /// </summary>
    public static void Run<TWorker>(
        IReadOnlyList<long> counts, int threads, Func<TWorker> worker, Action<TWorker, Block> work,
        IProgress<double>? progress, CancellationToken cancellation)
        where TWorker : IDisposable
    {
        var blocks = new Blocks(counts);
        var total = Math.Max(1, counts.Sum(count => (long)Number(count)));
        var done = 0L;
        var most = threads > 0 ? threads : Environment.ProcessorCount;
        Exception? failure = null;
        void Loop()
        {
            try
            {
                using var state = worker();
                while (failure is null && blocks.TryTake(out var block))
                {
                    cancellation.ThrowIfCancellationRequested();
                    work(state, block);
                    progress?.Report((double)Interlocked.Increment(ref done) / total);
                }
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref failure, exception, null);
            }
        }
        var others = new Thread[(int)Math.Min(most, total) - 1];
        for (var i = 0; i < others.Length; i++)
        {
            others[i] = new(Loop) { IsBackground = true };
            others[i].Start();
        }
        Loop();
        foreach (var other in others)
            other.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    private bool TryTake(out Block block)
    {
        lock (_lock)
        {
            while (_tensor < _counts.Count && (long)_index * Size >= _counts[_tensor])
            {
                _tensor++;
                _index = 0;
            }
            if (_tensor == _counts.Count)
            {
                block = default;
                return false;
            }
            var start = (long)_index * Size;
            block = new(_tensor, _index++, start, (int)Math.Min(Size, _counts[_tensor] - start));
            return true;
        }
    }
}
