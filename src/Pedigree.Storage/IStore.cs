namespace Pedigree.Storage;

/// <summary>
/// Where runs, checkpoints, scores and Gram rows are kept: a folder, or a container of Azure Blob Storage. Things have names like
/// those of files, segments separated by <c>/</c>; <see cref="StoreNames"/> gives them. They appear whole or not at all. Nothing
/// is made until something is written.
/// </summary>
public interface IStore
{
    /// <summary>
    /// What people and errors call the store: the folder, absolute, or the container's URL without its secrets.
    /// </summary>
    string Address { get; }

    /// <summary>What people and errors call a thing in it.</summary>
    string AddressOf(string name);

    /// <summary>A thing's bytes from an offset on, none where it is not that long; null where there is no such thing.</summary>
    Task<byte[]?> ReadAsync(string name, long from = 0, CancellationToken cancellation = default);

    /// <summary>A thing's first bytes, at most so many, and how long all of it is; null where there is no such thing.</summary>
    Task<(byte[] First, long Length)?> ReadFirstAsync(string name, int most, CancellationToken cancellation = default);

    /// <summary>A thing's bytes as a stream that can seek; null where there is no such thing.</summary>
    Task<Stream?> OpenReadAsync(string name, CancellationToken cancellation = default);

    /// <summary>Whether there is such a thing.</summary>
    Task<bool> ExistsAsync(string name, CancellationToken cancellation = default);

    /// <summary>
    /// Names of the folders directly in a folder that have a file of that name, in ordinal order: the runs
    /// that have a log, for example.
    /// </summary>
    Task<IReadOnlyList<string>> ListAsync(string folder, string file, CancellationToken cancellation = default);

    /// <summary>Writes a small thing in the place of what was there.</summary>
    /// <exception cref="Weights.BadInputException">There is no room or no right to write.</exception>
    Task WriteAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellation = default);

    /// <summary>
    /// Writes what follows from what is there (null: nothing). Of two that do so at once, one sees what the other wrote.
    /// </summary>
    Task UpdateAsync(string name, Func<byte[]?, byte[]> change, CancellationToken cancellation = default);

    /// <summary>Removes a small thing, where there is one.</summary>
    Task RemoveAsync(string name, CancellationToken cancellation = default);

    /// <summary>Opens a log to append to it; made where there is none.</summary>
    /// <param name="name">The log.</param>
    /// <param name="exclusive">
    /// Whether others are kept away until it is disposed; otherwise they are kept away by the position that each append gives.
    /// </param>
    /// <param name="waiting">Told why, where it must first be waited for a writer that may have died.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="Weights.BadInputException">Another process holds it.</exception>
    Task<ILogAppender> OpenLogAsync(
        string name, bool exclusive, Action<string>? waiting = null, CancellationToken cancellation = default);

    /// <summary>A folder for half-made things on this machine, where a checkpoint is made before it is published.</summary>
    WorkFolder CreateWorkFolder();

    /// <summary>
    /// The folder for one half-made thing on this machine, with what is there of it from before. Waits for
    /// whoever is making it here.
    /// </summary>
    Task<WorkFolder> OpenWorkFolderAsync(string name, CancellationToken cancellation = default);

    /// <summary>
    /// A checkpoint whose files the store holds, as a folder on this machine; null where it holds none of that digest.
    /// </summary>
    /// <param name="digest">Its digest.</param>
    /// <param name="anew">Whether what this machine has of it from before is not to be trusted.</param>
    /// <param name="progress">Told of what is downloaded, 0 to 1.</param>
    /// <param name="cancellation">Ends the download.</param>
    /// <exception cref="Weights.BadInputException">Its files are not those that were recorded.</exception>
    Task<LocalCheckpoint?> OpenCheckpointAsync(
        string digest, bool anew = false, IProgress<double>? progress = null, CancellationToken cancellation = default);

    /// <summary>
    /// Makes a finished child, <c>recipe.json</c> included, a checkpoint of the store. The folder, one in a
    /// <see cref="WorkFolder"/>, is moved away. Where another has published the same child, that one stays.
    /// </summary>
    Task PublishCheckpointAsync(
        string digest, string folder, IProgress<double>? progress = null, CancellationToken cancellation = default);

    /// <summary>
    /// Removes a child's checkpoint, or what is left of it: whoever looks for it finds all of it or nothing. Who has it
    /// open may read it to the end.
    /// </summary>
    Task RemoveCheckpointAsync(string digest, CancellationToken cancellation = default);

    /// <summary>
    /// Keeps what is known of an admitted checkpoint, and its files where other machines could not read them otherwise.
    /// </summary>
    Task AdmitCheckpointAsync(
        AdmittedSource source, IProgress<double>? progress = null, CancellationToken cancellation = default);
}

/// <summary>Appends lines to a log; disposed, it lets others write.</summary>
public interface ILogAppender : IAsyncDisposable
{
    /// <summary>
    /// Appends a line, newline included, to a log that is <paramref name="position"/> bytes long up to its last whole line; it is
    /// kept for good when this returns. The same call again finds it there.
    /// </summary>
    /// <returns>False where someone else has appended there: nothing is changed.</returns>
    Task<bool> AppendAsync(ReadOnlyMemory<byte> line, long position);
}
