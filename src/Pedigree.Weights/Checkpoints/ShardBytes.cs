namespace Pedigree.Weights.Checkpoints;

/// <summary>Memory whose bytes go to a shard, by this thread or by one that is writing there. It may be filled again when they are written.</summary>
/// <param name="start">The memory.</param>
internal sealed unsafe class ShardBytes(byte* start)
{
    private ShardWriter? _shard;
    private volatile bool _isLeft;

    /// <summary>The memory.</summary>
    public byte* Start => start;

    /// <summary>Where the bytes go.</summary>
    public long Position { get; private set; }

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Bytes => new(start, Length);

    /// <summary>Whether they are to be written still.</summary>
    public bool IsLeft => _isLeft;

    private int Length { get; set; }

    /// <summary>Leaves the first bytes with a shard.</summary>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    public void Leave(ShardWriter shard, long position, int length)
    {
        if (length == 0)
            return;
        (_shard, Position, Length, _isLeft) = (shard, position, length, true);
        shard.Write(this);
    }

    /// <summary>They are written, or are not going to be.</summary>
    public void Release() => _isLeft = false;

    /// <summary>Waits until they are written.</summary>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    public void Await()
    {
        while (_isLeft)
            _shard!.Await();
    }
}
