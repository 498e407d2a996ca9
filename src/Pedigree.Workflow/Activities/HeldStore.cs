using Pedigree.Storage;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// A store to which nothing is written until it is let go: until then what would be written is kept here, where reading finds it.
/// A new run leaves no trace before its models were found right.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="hidden">Names of things in the store that are not to be seen; null for none.</param>
internal sealed class HeldStore(IStore store, Func<string, bool>? hidden = null) : IStore
{
    private readonly Dictionary<string, byte[]> _small = new(StringComparer.Ordinal);
    private readonly List<Func<CancellationToken, Task>> _kept = [];
    private bool _open;

    public string Address => store.Address;

    /// <summary>Writes what was kept, in order; from here on everything is written at once.</summary>
    public async Task LetGoAsync(CancellationToken cancellation)
    {
        foreach (Func<CancellationToken, Task> write in _kept)
            await write(cancellation);
        _open = true;
        _kept.Clear();
        _small.Clear();
    }

    public string AddressOf(string name) => store.AddressOf(name);

    public Task<byte[]?> ReadAsync(string name, long from, CancellationToken cancellation) =>
        _small.TryGetValue(name, out byte[]? content) ? Task.FromResult<byte[]?>(content[(int)from..])
            : hidden?.Invoke(name) == true ? Task.FromResult<byte[]?>(null) : store.ReadAsync(name, from, cancellation);

    public async Task<(byte[] First, long Length)?> ReadFirstAsync(string name, int most, CancellationToken cancellation) =>
        await ReadAsync(name, 0, cancellation) is { } content
            ? (content[..Math.Min(most, content.Length)], content.Length)
            : null;

    public Task<Stream?> OpenReadAsync(string name, CancellationToken cancellation) => store.OpenReadAsync(name, cancellation);

    public Task<bool> ExistsAsync(string name, CancellationToken cancellation) =>
        _small.ContainsKey(name) ? Task.FromResult(true) : store.ExistsAsync(name, cancellation);

    public Task<IReadOnlyList<string>> ListAsync(string folder, string file, CancellationToken cancellation) =>
        store.ListAsync(folder, file, cancellation);

    public Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation) =>
        UpdateAsync(name, _ => content.ToArray(), cancellation);

    public async Task UpdateAsync(string name, Func<byte[]?, byte[]> change, CancellationToken cancellation)
    {
        if (!_open)
        {
            _small[name] = change(await ReadAsync(name, 0, cancellation));
            _kept.Add(now => store.UpdateAsync(name, change, now));
        }
        else
        {
            await store.UpdateAsync(name, change, cancellation);
        }
    }

    public Task RemoveAsync(string name, CancellationToken cancellation) => store.RemoveAsync(name, cancellation);

    public Task<ILogAppender> OpenLogAsync(
        string name, bool exclusive, Action<string>? waiting, CancellationToken cancellation) =>
        store.OpenLogAsync(name, exclusive, waiting, cancellation);

    public WorkFolder CreateWorkFolder() => store.CreateWorkFolder();

    public Task<WorkFolder> OpenWorkFolderAsync(string name, CancellationToken cancellation) =>
        store.OpenWorkFolderAsync(name, cancellation);

    public Task<LocalCheckpoint?> OpenCheckpointAsync(
        string digest, bool anew, IProgress<double>? progress, CancellationToken cancellation) =>
        store.OpenCheckpointAsync(digest, anew, progress, cancellation);

    public Task PublishCheckpointAsync(
        string digest, string folder, IProgress<double>? progress, CancellationToken cancellation) =>
        store.PublishCheckpointAsync(digest, folder, progress, cancellation);

    public Task RemoveCheckpointAsync(string digest, CancellationToken cancellation) =>
        store.RemoveCheckpointAsync(digest, cancellation);

    public async Task AdmitCheckpointAsync(AdmittedSource source, IProgress<double>? progress, CancellationToken cancellation)
    {
        if (_open)
            await store.AdmitCheckpointAsync(source, progress, cancellation);
        else
            _kept.Add(now => store.AdmitCheckpointAsync(source, progress, now));
    }
}
