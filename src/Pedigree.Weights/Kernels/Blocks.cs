using System.Runtime.ExceptionServices;

namespace Pedigree.Weights.Kernels;

/// <summary>A stretch of one tensor: the unit of work, whatever the number of threads.</summary>
/// <param name="Tensor">Index of the tensor.</param>
/// <param name="Index">Number of the block in its tensor.</param>
/// <param name="Start">First element.</param>
/// <param name="Count">Number of elements.</param>
internal readonly record struct Block(int Tensor, int Index, long Start, int Count);

/// <summary>
/// Cuts tensors into blocks of fixed size. Each thread takes those of a stretch of its own, in order, and then helps the others:
/// so threads read far from each other, mostly in different files.
/// </summary>
internal sealed class Blocks
{
    /// <summary>Elements a block, but for a tensor's first and last.</summary>
    public const int Size = 128 * 1024;

    private readonly IReadOnlyList<long> _counts;
    private readonly Func<int, int> _lead;
    private readonly long[] _firsts;
    private readonly long[] _next;

    private Blocks(IReadOnlyList<long> counts, Func<int, int> lead, int stretches)
    {
        _counts = counts;
        _lead = lead;
        _firsts = new long[counts.Count + 1];
        for (var tensor = 0; tensor < counts.Count; tensor++)
            _firsts[tensor + 1] = _firsts[tensor] + Number(counts[tensor], lead(tensor));
        _next = [.. Enumerable.Range(0, stretches + 1).Select(stretch => Total * stretch / stretches)];
        Ends = [.. _next.Skip(1)];
    }

    private long Total => _firsts[^1];

    private long[] Ends { get; }

    /// <summary>Number of blocks of a tensor.</summary>
    public static int Number(long count, int lead = Size) =>
        count == 0 ? 0 : checked((int)((count - lead + (2L * Size) - 1) / Size));

    /// <summary>The blocks of a tensor in order.</summary>
    public static IEnumerable<Block> Of(long count, int lead = Size) =>
        Enumerable.Range(0, Number(count, lead)).Select(index => Of(0, index, count, lead));

    /// <summary>
    /// Runs <paramref name="work"/> on every block of tensors of the given numbers of elements, on at most
    /// <paramref name="threads"/> threads (0: as many as there are cores). Each thread makes one worker and disposes
    /// it. The first exception ends the run and is thrown. <paramref name="lead"/>: elements of each tensor's first
    /// block, 1 to <see cref="Size"/>.
    /// </summary>
    public static void Run<TWorker>(
        IReadOnlyList<long> counts, int threads, Func<TWorker> worker, Action<TWorker, Block> work,
        IProgress<double>? progress, CancellationToken cancellation, Func<int, int>? lead = null)
        where TWorker : IDisposable
    {
        lead ??= _ => Size;
        var total = Math.Max(1, counts.Select((count, tensor) => (long)Number(count, lead(tensor))).Sum());
        var stretches = (int)Math.Min(threads > 0 ? threads : Environment.ProcessorCount, total);
        var blocks = new Blocks(counts, lead, stretches);
        var done = 0L;
        Exception? failure = null;
        void Loop(int stretch)
        {
            try
            {
                using var state = worker();
                while (failure is null && blocks.TryTake(stretch, out var block))
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
        var others = new Thread[stretches - 1];
        for (var i = 0; i < others.Length; i++)
        {
            var stretch = i + 1;
            others[i] = new(() => Loop(stretch)) { IsBackground = true };
            others[i].Start();
        }
        Loop(0);
        foreach (var other in others)
            other.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    private bool TryTake(int own, out Block block)
    {
        for (var i = 0; i < Ends.Length; i++)
        {
            var stretch = (own + i) % Ends.Length;
            var taken = Interlocked.Increment(ref _next[stretch]) - 1;
            if (taken < Ends[stretch])
            {
                block = At(taken);
                return true;
            }
        }
        block = default;
        return false;
    }

    private Block At(long number)
    {
        // The last tensor that begins at or before the block; empty tensors begin where the next one does.
        var found = Array.BinarySearch(_firsts, number);
        var tensor = found >= 0 ? found : ~found - 1;
        while (_firsts[tensor + 1] == number)
            tensor++;
        return Of(tensor, (int)(number - _firsts[tensor]), _counts[tensor], _lead(tensor));
    }

    private static Block Of(int tensor, int index, long count, int lead)
    {
        var end = lead + ((long)index * Size);
        var start = Math.Max(0, end - Size);
        return new(tensor, index, start, (int)(Math.Min(end, count) - start));
    }
}
