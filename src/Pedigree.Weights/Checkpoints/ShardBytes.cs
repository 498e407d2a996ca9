namespace Pedigree.Weights.Checkpoints;

/// <summary>
/// Memory whose bytes go to a shard, by this thread or by one that is writing there. It may be filled
/// again when they are written.
/// </summary>
/// <param name="start">The memory.</param>
internal sealed unsafe class ShardBytes(byte* start)
{
    private TaskCompletionSource? _left;

    /// <summary>The memory.</summary>
    public byte* Start => start;

    /// <summary>Where the bytes go.</summary>
    public long Position { get; private set; }

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Bytes => new(start, Length);

    /// <summary>Ends when they are written; or could not be, which whoever tried is told.</summary>
    public Task Written => _left?.Task ?? Task.CompletedTask;

    private int Length { get; set; }

    /// <summary>Leaves the first bytes with a shard.</summary>
    /// <exception cref="BadInputException">The disk has no room for them, or for what another thread has left.</exception>
    public void Leave(ShardWriter shard, long position, int length)
    {
        if (length == 0)
            return;
        (Position, Length, _left) = (position, length, new());
        shard.Write(this);
    }

    /// <summary>They are written, or could not be.</summary>
    public void Release() => _left!.SetResult();
}
