using System.Text.Json;
using Pedigree.Weights;

namespace Pedigree.Storage;

/// <summary>Where an admitted checkpoint lies and what it was when it was last read whole.</summary>
/// <param name="Path">Its folder.</param>
/// <param name="Digest">Digest of its content.</param>
/// <param name="Files">Its files.</param>
public sealed record AdmittedSource(string Path, string Digest, IReadOnlyList<SourceFile> Files)
{
    private static readonly JsonSerializerOptions options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        NewLine = "\n",
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>What the store knows of an admitted checkpoint; null where it was never admitted.</summary>
    /// <exception cref="BadInputException">The file is not as it was written.</exception>
    public static AdmittedSource? Read(Store store, string digest)
    {
        string path = store.Source(digest);
        if (!File.Exists(path))
            return null;
        try
        {
            return JsonSerializer.Deserialize<AdmittedSource>(File.ReadAllText(path), options) is { } source && source.Digest == digest
                ? source : throw new BadInputException(path, "digest", "is not that of its folder; remove the file and run again");
        }
        catch (JsonException error)
        {
            throw new BadInputException(path, error.Path, "is not as it was written; remove the file and run again");
        }
    }

    /// <summary>What the store knows of the checkpoint in a folder that looks unchanged since; null where it knows nothing.</summary>
    public static AdmittedSource? Find(Store store, string folder) => store.Sources.Select(digest => Read(store, digest))
        .FirstOrDefault(source => source?.Path == folder && source.LooksUnchanged);

    /// <summary>Whether length and time of every file are still those recorded, so that its content need not be read again.</summary>
    public bool LooksUnchanged => Files.All(file => file.LooksUnchanged(Path));

    /// <summary>Keeps it in the store.</summary>
    public void Write(Store store, string temporary) =>
        WholeFile.Write(store.Source(Digest), JsonSerializer.Serialize(this, options) + "\n", temporary);
}

/// <summary>A file of an admitted checkpoint.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Modified">When it was last written, UTC.</param>
/// <param name="Sha256">Of its content.</param>
public sealed record SourceFile(string Name, long Length, DateTime Modified, string Sha256)
{
    internal bool LooksUnchanged(string folder) =>
        new FileInfo(System.IO.Path.Combine(folder, Name)) is { Exists: true } file && file.Length == Length && file.LastWriteTimeUtc == Modified;
}
