using System.Text.Json;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Storage;

/// <summary>Where an admitted checkpoint lies and what it was when it was last read whole.</summary>
/// <param name="Path">Its folder.</param>
/// <param name="Digest">Digest of its content.</param>
/// <param name="Files">Its files.</param>
public sealed record AdmittedSource(string Path, string Digest, IReadOnlyList<SourceFile> Files)
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NewLine = "\n",
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>What the store knows of an admitted checkpoint; null where it was never admitted.</summary>
    /// <exception cref="BadInputException">The file is not as it was written.</exception>
    public static async Task<AdmittedSource?> ReadAsync(IStore store, string digest, CancellationToken cancellation = default)
    {
        string name = StoreNames.Source(digest);
        return await store.ReadAsync(name, cancellation: cancellation) is { } content
            ? Parse(content, digest, store.AddressOf(name))
            : null;
    }

    /// <summary>
    /// What the store knows of the checkpoint in a folder that looks unchanged since; null where it knows nothing.
    /// </summary>
    public static async Task<AdmittedSource?> FindAsync(IStore store, string folder, CancellationToken cancellation = default)
    {
        foreach (string digest in await store.ListAsync("checkpoints", StoreNames.SourceFile, cancellation))
            if (StoreNames.IsDigest(digest)
                && await ReadAsync(store, digest, cancellation) is { } source
                && source.Path == folder
                && source.LooksUnchanged)
                return source;
        return null;
    }

    /// <summary>
    /// Whether length and time of every file are still those recorded, so that its content need not be read again.
    /// </summary>
    public bool LooksUnchanged => Files.All(file => file.LooksUnchanged(Path));

    internal static AdmittedSource Parse(byte[] content, string digest, string address)
    {
        try
        {
            return JsonSerializer.Deserialize<AdmittedSource>(content, Options) is { } source && source.Digest == digest
                ? source
                : throw new BadInputException(address, "digest", "is not that of its folder; remove the file and run again");
        }
        catch (JsonException error)
        {
            throw new BadInputException(address, error.Path, "is not as it was written; remove the file and run again");
        }
    }

    internal byte[] ToJson() => [.. JsonSerializer.SerializeToUtf8Bytes(this, Options), (byte)'\n'];
}

/// <summary>A file of an admitted checkpoint.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Modified">When it was last written, UTC.</param>
/// <param name="Sha256">Of its content.</param>
public sealed record SourceFile(string Name, long Length, DateTime Modified, string Sha256)
{
    internal bool LooksUnchanged(string folder) =>
        InputFile.Behind(System.IO.Path.Combine(folder, Name)) is { Exists: true } file
        && file.Length == Length
        && file.LastWriteTimeUtc == Modified;
}
