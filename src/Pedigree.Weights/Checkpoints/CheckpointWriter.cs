namespace Pedigree.Weights.Checkpoints;

/// <summary>
/// Writes a checkpoint in the Hugging Face layout: tensors are planned first and then written at known places, from any number of
/// threads, in a temporary folder that <see cref="Complete"/> flushes to disk and renames. What was not completed is removed,
/// unless it was suspended or the process died: then a later one may go on from the shards that were finished.
/// </summary>
public sealed class CheckpointWriter : IDisposable
{
    /// <summary>The usual bound on a shard's tensors: 5 GB.</summary>
    public const long DefaultMaxShardSize = 5_000_000_000;

    private sealed record Slot(ShardWriter Shard, PlannedTensor Tensor, long Start);

    private readonly string _folder;
    private readonly IReadOnlyList<ShardWriter> _shards;
    private readonly Dictionary<string, Slot> _slots = new(StringComparer.Ordinal);
    private readonly HashSet<string> _small = new(StringComparer.Ordinal);
    private CheckpointManifest? _manifest;
    private bool _isSuspended;

    /// <summary>Creates the temporary folder.</summary>
    /// <param name="temporaryFolder">On the same volume as the final folder; absent or empty.</param>
    /// <param name="tensors">All tensors of the checkpoint, each name once, in any order.</param>
    /// <param name="maxShardSize">Most tensor bytes in a shard; a larger tensor has a shard of its own.</param>
    /// <param name="resume">
    /// Whether the folder may be one that another writer of the same checkpoint has left: the shards that it finished are
    /// verified and kept, all else in it is removed.
    /// </param>
    /// <param name="leftOut">
    /// Digests of the shards where these are not written, and only the small files are; null: they are written.
    /// </param>
    /// <exception cref="BadInputException">The folder is not empty, or the disk has no room.</exception>
    public CheckpointWriter(
        string temporaryFolder, IReadOnlyList<PlannedTensor> tensors, long maxShardSize = DefaultMaxShardSize,
        bool resume = false,
        IReadOnlyList<FileDigest>? leftOut = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxShardSize, 1);
        if (tensors.GroupBy(tensor => tensor.Name, StringComparer.Ordinal)
            .FirstOrDefault(group => group.Count() > 1 || group.Key == "__metadata__") is { } bad)
            throw new ArgumentException($"The tensor name {bad.Key} is reserved or planned twice.", nameof(tensors));

        _folder = Path.GetFullPath(temporaryFolder);
        var plan = ShardPlan.Divide(tensors, maxShardSize);
        if (File.Exists(_folder) || !resume && Directory.Exists(_folder) && Directory.EnumerateFileSystemEntries(_folder).Any())
            throw new BadInputException(_folder, null, "already exists and is not an empty folder; give one that does not exist");
        DurableFiles.FailRatherThanDie();
        Directory.CreateDirectory(_folder);
        _shards = [.. plan.Select(shard => new ShardWriter(_folder, shard))];
        foreach (var shard in _shards)
            PlaceTensors(shard);
        try
        {
            if (leftOut is null)
                Parallel.ForEach(_shards, shard => shard.TakeUp());
            else
                foreach (var (shard, digest) in _shards.Zip(leftOut))
                    shard.LeaveOut(digest);
            RemoveUnfinished();
            CheckRoom();
            if (_shards.Count > 1)
                AddFile(CheckpointFiles.Index, ShardPlan.Index(plan));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Names of the tensors of each shard that is yet to be written, in order.</summary>
    internal IEnumerable<IReadOnlySet<string>> Unwritten => _shards.Where(shard => !shard.IsWritten)
        .Select(shard => shard.Plan.Tensors.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal));

    /// <summary>Where the shards lie that were finished: all, once the checkpoint is sealed.</summary>
    internal IEnumerable<string> Finished => _shards.Select(shard => shard.FinishedPath).OfType<string>();

    /// <summary>Where the bytes of a tensor begin in its file.</summary>
    internal long StartOf(string tensor) => _slots[tensor].Start;

    /// <summary>
    /// Writes bytes of a tensor, starting <paramref name="offset"/> bytes into it. May be called from several threads.
    /// </summary>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    public void Write(string tensor, long offset, ReadOnlySpan<byte> bytes)
    {
        var slot = SlotOf(tensor, offset, bytes.Length);
        slot.Shard.Write(slot.Start + offset, bytes);
    }

    /// <summary>
    /// The same of the first bytes of memory that may be filled again when they are written, which may be later.
    /// </summary>
    internal void Write(string tensor, long offset, ShardBytes bytes, int length)
    {
        var slot = SlotOf(tensor, offset, length);
        bytes.Leave(slot.Shard, slot.Start + offset, length);
    }

    private Slot SlotOf(string tensor, long offset, int length)
    {
        var slot = _slots[tensor];
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, slot.Tensor.ByteLength - length);
        return slot;
    }

    /// <summary>Adds a small file, flushed to disk: <c>config.json</c>, a recipe.</summary>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    public void AddFile(string name, ReadOnlySpan<byte> bytes)
    {
        var isPart = name == CheckpointFiles.Index || CheckpointFiles.Carried.Contains(name);
        if (isPart && _manifest is not null)
            throw new InvalidOperationException($"{name} is part of the checkpoint and must be added before it is sealed.");
        DurableFiles.WriteNew(Path.Combine(_folder, name), bytes);
        if (isPart)
            _small.Add(name);
    }

    /// <summary>Adds a copy of each carried file of a checkpoint that has not been added: add before what shall differ.</summary>
    /// <exception cref="BadInputException">A file cannot be read, or the disk has no room.</exception>
    public void CarryFiles(Checkpoint from) => CarryFiles(from.Folder, from.CarriedFiles);

    /// <summary>The same of those of a folder's files that are there.</summary>
    internal void CarryFiles(string folder, IEnumerable<string> names)
    {
        foreach (var name in names.Where(name => !_small.Contains(name) && File.Exists(Path.Combine(folder, name))))
        {
            var path = Path.Combine(folder, name);
            using var file = CheckpointFiles.Open(path);
            using var stream = new FileStream(file, FileAccess.Read);
            using var copy = new MemoryStream();
            stream.CopyTo(copy);
            AddFile(name, copy.GetBuffer().AsSpan(0, (int)copy.Length));
        }
    }

    /// <summary>
    /// Flushes the weights to disk and computes the manifest. Afterwards only files that are no part of the checkpoint may be
    /// added, such as one that names its digest.
    /// </summary>
    /// <exception cref="InvalidOperationException">Not all bytes were written, or there is no config.json.</exception>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    public CheckpointManifest Seal()
    {
        if (_manifest is not null)
            return _manifest;
        if (!_small.Contains(CheckpointFiles.Config))
            throw new InvalidOperationException($"{CheckpointFiles.Config} was not added.");
        return _manifest = new([.. _shards.Select(shard => shard.Seal()).Concat(CheckpointDigest.Compute(_folder, _small).Files)
            .OrderBy(file => file.Name, StringComparer.Ordinal)]);
    }

    /// <summary>Seals the checkpoint, if it is not yet, and renames the temporary folder to <paramref name="folder"/>.</summary>
    /// <exception cref="BadInputException">The folder exists already, or the disk has no room.</exception>
    public CheckpointManifest Complete(string folder)
    {
        var manifest = Seal();
        folder = Path.GetFullPath(folder);
        if (Directory.Exists(folder) || File.Exists(folder))
            throw new BadInputException(folder, null,
                "already exists and is never overwritten; give a folder that does not exist");
        var parent = Path.GetDirectoryName(folder)!;
        Directory.CreateDirectory(parent);
        foreach (var shard in _shards)
            shard.Rename();
        DurableFiles.FlushFolder(_folder);
        Directory.Move(_folder, folder);
        DurableFiles.FlushFolder(parent);
        return manifest;
    }

    /// <summary>From here on, disposing leaves the finished shards for a writer that resumes.</summary>
    public void Suspend() => _isSuspended = true;

    /// <summary>Closes the files and removes the temporary folder, unless it was renamed.</summary>
    public void Dispose()
    {
        foreach (var shard in _shards)
            shard.Dispose();
        if (!Directory.Exists(_folder))
            return;
        if (_isSuspended)
            RemoveUnfinished();
        if (!_isSuspended || !Directory.EnumerateFileSystemEntries(_folder).Any())
            Directory.Delete(_folder, recursive: true);
    }

    private void PlaceTensors(ShardWriter shard)
    {
        var start = (long)shard.Plan.Header.Length;
        foreach (var tensor in shard.Plan.Tensors)
        {
            _slots.Add(tensor.Name, new(shard, tensor, start));
            start += tensor.ByteLength;
        }
    }

    private void RemoveUnfinished()
    {
        var finished = _shards.Select(shard => shard.FinishedPath).ToHashSet();
        foreach (var path in Directory.EnumerateFiles(_folder).Where(path => !finished.Contains(path)).ToList())
            File.Delete(path);
    }

    // Said before hours of work; the writes themselves find out what was taken in the meantime, or a quota.
    private void CheckRoom()
    {
        var needed = _shards.Where(shard => !shard.IsWritten).Sum(shard => shard.Plan.Length);
        var free = new DriveInfo(_folder).AvailableFreeSpace;
        if (free > 0 && free < needed)
            throw new UnavailableException(_folder, null,
                $"takes {needed} bytes, but only {free} are free there; make room for them");
    }
}
