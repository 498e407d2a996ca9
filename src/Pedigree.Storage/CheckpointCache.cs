using System.Globalization;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Storage;

/// <summary>
/// Checkpoints on this machine, by digest, from stores elsewhere. Where a new one finds no room those used longest ago are
/// removed, but none that is open. Any number of processes share it: a checkpoint that is read is locked together, one that comes
/// or goes alone. Machines may share it too, on a file system that holds their locks against each other. Should it not, none is
/// ever found half or wrong all the same: each machine makes it apart, and it comes and goes by one rename. But one that another
/// machine reads may then be removed, which fails its work.
/// </summary>
/// <param name="folder">Where they are kept.</param>
/// <param name="limit">How many bytes they may take; what is open at once is kept even beyond it.</param>
internal sealed class CheckpointCache(string folder, long limit)
{
    private const string FolderVariable = "PEDIGREE_CACHE",
        SizeVariable = "PEDIGREE_CACHE_SIZE",
        DefaultSize = "100GB",
        Reservation = "reserved";

    private static readonly TimeSpan Silence = TimeSpan.FromDays(1);

    private static readonly (string Unit, double Bytes)[] Units = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("", 1)];

    private readonly string _temporary = Path.Combine(folder, "tmp");

    /// <summary>The cache that the environment names.</summary>
    /// <exception cref="BadInputException">Its size is not one.</exception>
    public static CheckpointCache OfEnvironment() => new(
        FolderOfEnvironment(),
        Size(Environment.GetEnvironmentVariable(SizeVariable) is { Length: > 0 } size ? size : DefaultSize));

    /// <summary>Where what this machine keeps lies.</summary>
    public static string FolderOfEnvironment() =>
        Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } named ? Path.GetFullPath(named)
            : Path.Combine(Environment.GetFolderPath(
                Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "pedigree");

    /// <summary>Where this machine puts half-made things.</summary>
    public string Temporary { get; } = Path.Combine(folder, "tmp", Environment.MachineName);

    /// <summary>
    /// Removes what processes that died have left: those of this machine at once, those of others where nothing was
    /// begun or ended for a day.
    /// </summary>
    public void Sweep()
    {
        foreach (string machine in Directory.Exists(_temporary) ? Directory.EnumerateDirectories(_temporary) : [])
            if (machine == Temporary || Directory.GetLastWriteTimeUtc(machine) < DateTime.UtcNow - Silence)
                WorkFolder.Sweep(machine);
    }

    /// <summary>Opens a checkpoint, after fetching it where it is not here.</summary>
    /// <param name="digest">Its digest.</param>
    /// <param name="length">
    /// How many bytes it has; asked where it must be fetched, whose room is then kept free from the beginning.
    /// </param>
    /// <param name="fetch">Writes it to the folder that it is given, which does not exist.</param>
    /// <param name="cancellation">Ends the waiting for another that fetches the same.</param>
    public async Task<LocalCheckpoint> OpenAsync(
        string digest, Func<Task<long>> length, Func<string, Task> fetch, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        while (true)
        {
            FileStream held = await LockFile.TakeAsync(LockOf(digest), shared: true, cancellation);
            if (Directory.Exists(FolderOf(digest)))
            {
                File.SetLastWriteTimeUtc(LockOf(digest), DateTime.UtcNow);
                return new(FolderOf(digest), held);
            }
            held.Dispose();
            using FileStream alone = await LockFile.TakeAsync(LockOf(digest), shared: false, cancellation);
            if (Directory.Exists(FolderOf(digest)))
                continue;
            using WorkFolder work = WorkFolder.Create(Temporary);
            await MakeRoomAsync(await length(), work, cancellation);
            string half = Path.Combine(work.Path, digest);
            await fetch(half);
            TryMove(half, FolderOf(digest));
        }
    }

    /// <summary>Takes in a finished checkpoint.</summary>
    public async Task AddAsync(string digest, string finished, CancellationToken cancellation)
    {
        using LocalCheckpoint added = await OpenAsync(digest, () => Task.FromResult(LengthOf(finished)), half =>
        {
            Directory.Move(finished, half);
            return Task.CompletedTask;
        }, cancellation);
    }

    private string FolderOf(string digest) => Path.Combine(folder, digest);

    private string LockOf(string digest) => FolderOf(digest) + ".lock";

    private async Task MakeRoomAsync(long bytes, WorkFolder work, CancellationToken cancellation)
    {
        using FileStream one = await LockFile.TakeAsync(Path.Combine(folder, "room.lock"), shared: false, cancellation);
        var kept = Directory.EnumerateDirectories(folder).Select(each => Path.GetFileName(each)).Where(StoreNames.IsDigest)
            .Select(
                digest => (Digest: digest, Length: LengthOf(FolderOf(digest)), Used: File.GetLastWriteTimeUtc(LockOf(digest))))
            .OrderBy(each => each.Used).ToList();
        long total = bytes + Reserved() + kept.Sum(each => each.Length);
        await File.WriteAllTextAsync(
            Path.Combine(work.Path, Reservation), bytes.ToString(CultureInfo.InvariantCulture), cancellation);
        foreach ((string digest, long length, _) in kept)
        {
            if (total <= limit)
                return;
            using FileStream? alone = LockFile.TryTake(LockOf(digest));
            string gone = Path.Combine(work.Path, $"gone-{digest}");
            // Half a checkpoint shall never be found under its name.
            if (alone is null || !TryMove(FolderOf(digest), gone))
                continue;
            Directory.Delete(gone, recursive: true);
            total -= length;
        }
    }

    /// <summary>Renames a folder, unless another has done the same before.</summary>
    private static bool TryMove(string from, string to)
    {
        try
        {
            Directory.Move(from, to);
            return true;
        }
        catch (IOException) when (Directory.Exists(to) || !Directory.Exists(from))
        {
            return false;
        }
    }

    /// <summary>Bytes of what others are fetching now.</summary>
    private long Reserved() => Directory.EnumerateFiles(
        _temporary, Reservation, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 })
        .Sum(file => long.TryParse(TextOf(file), CultureInfo.InvariantCulture, out long bytes) ? bytes : 0);

    private static string? TextOf(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception error) when (error is DirectoryNotFoundException or FileNotFoundException)
        {
            // It has come to its end.
            return null;
        }
    }

    private static long LengthOf(string path)
    {
        try
        {
            return new DirectoryInfo(path).EnumerateFiles().Sum(file => file.Length);
        }
        catch (Exception error) when (error is DirectoryNotFoundException or FileNotFoundException)
        {
            return 0;
        }
    }

    private static long Size(string text)
    {
        (string unit, double bytes) = Units.First(each => text.EndsWith(each.Unit, StringComparison.OrdinalIgnoreCase));
        return double.TryParse(
            text[..^unit.Length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number)
            && number * bytes < long.MaxValue
            ? (long)(number * bytes)
            : throw new BadInputException(SizeVariable, null, $"`{text}` is not a size; use for example 500GB");
    }
}
