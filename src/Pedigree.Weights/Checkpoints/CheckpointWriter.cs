using Microsoft.Win32.SafeHandles;

namespace Pedigree.Weights.Checkpoints;

/// <summary>
/// Writes a checkpoint in the Hugging Face layout: tensors are planned first and then written at known places, from any number of
/// threads, under a temporary folder that <see cref="Complete"/> flushes to disk and renames. What was not completed is removed.
/// </summary>
public sealed class CheckpointWriter : IDisposable
{
    /// <summary>The usual bound on a shard's tensors: 5 GB.</summary>
    public const long DefaultMaxShardSize = 5_000_000_000;

    private sealed record Slot(OpenShard Shard, PlannedTensor Tensor, long Start)
    {
        public long Written;
    }

    private sealed record OpenShard(string Path, SafeFileHandle File, long Length);

    private readonly string _folder;
    private readonly IReadOnlyList<ShardPlan> _plan;
    private readonly List<OpenShard> _shards = [];
    private readonly Dictionary<string, Slot> _slots = new(StringComparer.Ordinal);
    private readonly HashSet<string> _parts = new(StringComparer.Ordinal);
    private CheckpointManifest? _manifest;

    /// <summary>Creates the temporary folder and, in it, the shards with their headers.</summary>
    /// <param name="temporaryFolder">On the same volume as the final folder; absent or empty.</param>
    /// <param name="tensors">All tensors of the checkpoint, each name once, in any order.</param>
    /// <param name="maxShardSize">Most tensor bytes in a shard; a larger tensor has a shard of its own.</param>
    /// <exception cref="BadInputException">The folder is not empty, or the disk has no room.</exception>
    public CheckpointWriter(string temporaryFolder, IReadOnlyList<PlannedTensor> tensors, long maxShardSize = DefaultMaxShardSize)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxShardSize, 1);
        if (tensors.GroupBy(tensor => tensor.Name, StringComparer.Ordinal)
            .FirstOrDefault(group => group.Count() > 1 || group.Key == "__metadata__") is { } bad)
            throw new ArgumentException($"The tensor name {bad.Key} is reserved or planned twice.", nameof(tensors));

        _folder = Path.GetFullPath(temporaryFolder);
        _plan = ShardPlan.Divide(tensors, maxShardSize);
        if (File.Exists(_folder) || Directory.Exists(_folder) && Directory.EnumerateFileSystemEntries(_folder).Any())
            throw new BadInputException(_folder, null, "already exists and is not an empty folder; give one that does not exist");
        DurableFiles.FailRatherThanDie();
        Directory.CreateDirectory(_folder);
        try
        {
            CheckRoom();
            foreach (var shard in _plan)
                Start(shard);
            if (_plan.Count > 1)
                AddFile(CheckpointFiles.Index, ShardPlan.Index(_plan));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Writes bytes of a tensor, starting <paramref name="offset"/> bytes into it. May be called from several threads.</summary>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    public void Write(string tensor, long offset, ReadOnlySpan<byte> bytes)
    {
        var slot = _slots[tensor];
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, slot.Tensor.ByteLength - bytes.Length);
        WriteAt(slot.Shard, slot.Start + offset, bytes);
        Interlocked.Add(ref slot.Written, bytes.Length);
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
            _parts.Add(name);
    }

    /// <summary>Adds a copy of each carried file of a checkpoint that has not been added: add before what shall differ.</summary>
    /// <exception cref="BadInputException">A file cannot be read, or the disk has no room.</exception>
    public void CarryFiles(Checkpoint from) => CarryFiles(from.Folder, from.CarriedFiles);

    /// <summary>The same of those of a folder's files that are there.</summary>
    internal void CarryFiles(string folder, IEnumerable<string> names)
    {
        foreach (var name in names.Where(name => !_parts.Contains(name) && File.Exists(Path.Combine(folder, name))))
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
    /// <exception cref="InvalidOperationException">A tensor was not wholly written, or there is no config.json.</exception>
    /// <exception cref="BadInputException">The disk has no room.</exception>
    public CheckpointManifest Seal()
    {
        if (_manifest is not null)
            return _manifest;
        if (_slots.Values.FirstOrDefault(slot => slot.Written != slot.Tensor.ByteLength) is { } unfinished)
            throw new InvalidOperationException(
                $"{unfinished.Written} bytes of the tensor {unfinished.Tensor.Name} were written; it has {unfinished.Tensor.ByteLength}.");
        if (!_parts.Contains(CheckpointFiles.Config))
            throw new InvalidOperationException($"{CheckpointFiles.Config} was not added.");

        // The disk writes while the processor hashes.
        var flushed = Task.Run(Flush);
        try
        {
            _manifest = CheckpointDigest.Compute(_folder, _parts);
        }
        finally
        {
            flushed.GetAwaiter().GetResult();
        }
        CloseShards();
        return _manifest;
    }

    /// <summary>Seals the checkpoint, if it is not yet, and renames the temporary folder to <paramref name="folder"/>.</summary>
    /// <exception cref="BadInputException">The folder exists already, or the disk has no room.</exception>
    public CheckpointManifest Complete(string folder)
    {
        var manifest = Seal();
        folder = Path.GetFullPath(folder);
        if (Directory.Exists(folder) || File.Exists(folder))
            throw new BadInputException(folder, null, "already exists and is never overwritten; give a folder that does not exist");
        var parent = Path.GetDirectoryName(folder)!;
        Directory.CreateDirectory(parent);
        DurableFiles.FlushFolder(_folder);
        Directory.Move(_folder, folder);
        DurableFiles.FlushFolder(parent);
        return manifest;
    }

    /// <summary>Closes the files and removes the temporary folder, unless it was renamed.</summary>
    public void Dispose()
    {
        CloseShards();
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    // Said before hours of work; the writes themselves find out what was taken in the meantime, or a quota.
    private void CheckRoom()
    {
        var needed = _plan.Sum(shard => shard.Length);
        var free = new DriveInfo(_folder).AvailableFreeSpace;
        if (free > 0 && free < needed)
            throw new BadInputException(_folder, null, $"takes {needed} bytes, but only {free} are free there; make room for them");
    }

    private void Start(ShardPlan plan)
    {
        var path = Path.Combine(_folder, plan.Name);
        var shard = new OpenShard(path, Create(path, plan.Length), plan.Length);
        _shards.Add(shard);
        _parts.Add(plan.Name);
        WriteAt(shard, 0, plan.Header);
        var start = (long)plan.Header.Length;
        foreach (var tensor in plan.Tensors)
        {
            _slots.Add(tensor.Name, new(shard, tensor, start));
            start += tensor.ByteLength;
        }
    }

    // Its place on disk is taken at once: writing into it is then quicker, and a lack of room is known before the work.
    private static SafeFileHandle Create(string path, long length)
    {
        try
        {
            return File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, FileOptions.None, length);
        }
        catch (Exception error) when (DurableFiles.IsNoRoom(error))
        {
            throw DurableFiles.NoRoom(path, length, error);
        }
    }

    private static void WriteAt(OpenShard shard, long offset, ReadOnlySpan<byte> bytes)
    {
        try
        {
            RandomAccess.Write(shard.File, bytes, offset);
        }
        catch (Exception error) when (DurableFiles.IsNoRoom(error))
        {
            throw DurableFiles.NoRoom(shard.Path, shard.Length, error);
        }
    }

    private void Flush()
    {
        foreach (var shard in _shards)
        {
            try
            {
                RandomAccess.FlushToDisk(shard.File);
            }
            catch (Exception error) when (DurableFiles.IsNoRoom(error))
            {
                throw DurableFiles.NoRoom(shard.Path, shard.Length, error);
            }
        }
    }

    private void CloseShards()
    {
        foreach (var shard in _shards)
            shard.File.Dispose();
        _shards.Clear();
    }
}
