using Pedigree.Weights.Checkpoints;

namespace Pedigree.Storage.Folders;

/// <summary>A store in a folder. Checkpoints are read where they lie, admitted ones where they were admitted from.</summary>
internal sealed class FolderStore(string root) : IStore
{
    private readonly Lazy<string> _temporary = new(() =>
    {
        string folder = Path.Combine(Path.GetFullPath(root), "tmp");
        WorkFolder.Sweep(folder);
        return folder;
    });

    public string Address { get; } = Path.GetFullPath(root);

    public string AddressOf(string name) => Path.Combine([Address, .. StoreNames.Checked(name).Split('/')]);

    public async Task<byte[]?> ReadAsync(string name, long from, CancellationToken cancellation)
    {
        await using Stream? file = await OpenReadAsync(name, cancellation);
        if (file is null)
            return null;
        byte[] content = new byte[Math.Max(0, file.Length - from)];
        file.Position = from;
        await file.ReadExactlyAsync(content, cancellation);
        return content;
    }

    public async Task<(byte[] First, long Length)?> ReadFirstAsync(string name, int most, CancellationToken cancellation)
    {
        await using Stream? file = await OpenReadAsync(name, cancellation);
        if (file is null)
            return null;
        byte[] first = new byte[Math.Min(most, file.Length)];
        await file.ReadExactlyAsync(first, cancellation);
        return (first, file.Length);
    }

    public Task<Stream?> OpenReadAsync(string name, CancellationToken cancellation)
    {
        string path = AddressOf(name);
        try
        {
            return Task.FromResult<Stream?>(File.Exists(path)
                ? new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0,
                    useAsync: true) : null);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            // It was removed just now.
            return Task.FromResult<Stream?>(null);
        }
    }

    public Task<bool> ExistsAsync(string name, CancellationToken cancellation) => Task.FromResult(File.Exists(AddressOf(name)));

    public Task<IReadOnlyList<string>> ListAsync(string folder, string file, CancellationToken cancellation)
    {
        string path = AddressOf(folder);
        return Task.FromResult<IReadOnlyList<string>>(!Directory.Exists(path) ? []
            : [.. Directory.EnumerateDirectories(path).Where(each => File.Exists(Path.Combine(each, file)))
                .Select(each => Path.GetFileName(each)).Order(StringComparer.Ordinal)]);
    }

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        try
        {
            using WorkFolder work = CreateWorkFolder();
            WholeFile.Write(AddressOf(name), content.Span, work.Path);
            return Task.CompletedTask;
        }
        catch (Exception error) when (WholeFile.IsDisk(error))
        {
            throw WholeFile.NotWritten(AddressOf(name), error);
        }
    }

    public async Task UpdateAsync(string name, Func<byte[]?, byte[]> change, CancellationToken cancellation)
    {
        string folder = Path.GetDirectoryName(AddressOf(name))!;
        Directory.CreateDirectory(folder);
        using FileStream held = await LockFile.TakeAsync(Path.Combine(folder, "lock"), cancellation: cancellation);
        await WriteAsync(name, change(await ReadAsync(name, 0, cancellation)), cancellation);
    }

    public Task RemoveAsync(string name, CancellationToken cancellation)
    {
        if (File.Exists(AddressOf(name)))
            File.Delete(AddressOf(name));
        return Task.CompletedTask;
    }

    public async Task<ILogAppender> OpenLogAsync(
        string name, bool exclusive, Action<string>? waiting, CancellationToken cancellation) =>
        await FolderLog.OpenAsync(AddressOf(name), exclusive, cancellation);

    public WorkFolder CreateWorkFolder() => WorkFolder.Create(_temporary.Value);

    public Task<WorkFolder> OpenWorkFolderAsync(string name, CancellationToken cancellation) =>
        WorkFolder.OpenAsync(_temporary.Value, name, cancellation);

    public Task<LocalCheckpoint?> OpenCheckpointAsync(
        string digest, bool anew, IProgress<double>? progress, CancellationToken cancellation) =>
        Task.FromResult(File.Exists(AddressOf(StoreNames.Recipe(digest)))
            ? new LocalCheckpoint(AddressOf(StoreNames.Checkpoint(digest)), null) : null);

    public async Task PublishCheckpointAsync(
        string digest, string folder, IProgress<double>? progress, CancellationToken cancellation)
    {
        string target = AddressOf(StoreNames.Checkpoint(digest));
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        while (true)
        {
            try
            {
                Directory.Move(folder, target);
                break;
            }
            catch (IOException) when (Directory.Exists(target))
            {
                // Another run of this store has made the same child in the meantime, or something is left
                // there that is no whole one.
                if (await ChildFiles.AreThereAsync(this, digest, cancellation))
                    break;
                using WorkFolder work = CreateWorkFolder();
                Directory.Move(target, Path.Combine(work.Path, digest));
            }
        }
        DurableFiles.FlushFolder(Path.GetDirectoryName(target)!);
    }

    public Task RemoveCheckpointAsync(string digest, CancellationToken cancellation)
    {
        string checkpoint = AddressOf(StoreNames.Checkpoint(digest));
        using WorkFolder work = CreateWorkFolder();
        if (Directory.Exists(checkpoint))
        {
            Directory.Move(checkpoint, Path.Combine(work.Path, digest));
            DurableFiles.FlushFolder(Path.GetDirectoryName(checkpoint)!);
        }
        return Task.CompletedTask;
    }

    public Task AdmitCheckpointAsync(AdmittedSource source, IProgress<double>? progress, CancellationToken cancellation) =>
        WriteAsync(StoreNames.Source(source.Digest), source.ToJson(), cancellation);
}
