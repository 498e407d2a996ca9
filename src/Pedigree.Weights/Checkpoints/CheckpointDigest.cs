using System.Security.Cryptography;

namespace Pedigree.Weights.Checkpoints;

/// <summary>Computes and verifies the digests of a checkpoint's files.</summary>
public static class CheckpointDigest
{
    internal const int BufferLength = 1 << 20;

    /// <summary>Reads every file of a checkpoint once.</summary>
    public static CheckpointManifest Compute(Checkpoint checkpoint) => Compute(checkpoint.Folder, checkpoint.SourceFiles);

    /// <summary>Compares a checkpoint's files with its manifest, byte for byte.</summary>
    /// <exception cref="BadInputException">
    /// Names the first file, in ordinal order, that is missing, added or different.
    /// </exception>
    public static void Verify(string folder, CheckpointManifest manifest)
    {
        folder = Path.GetFullPath(folder);
        var expected = manifest.Files.ToDictionary(file => file.Name, StringComparer.Ordinal);
        var found = expected.Keys.Concat(CheckpointFiles.Carried).Concat(Weights(folder))
            .Where(name => File.Exists(Path.Combine(folder, name))).ToHashSet(StringComparer.Ordinal);
        var actual = Compute(
            folder, found.Intersect(expected.Keys)).Files.ToDictionary(file => file.Name, StringComparer.Ordinal);
        foreach (var name in found.Union(expected.Keys).Order(StringComparer.Ordinal))
        {
            var path = Path.Combine(folder, name);
            if (!expected.TryGetValue(name, out var file))
                throw new BadInputException(path, null, "is not in the checkpoint's manifest: it was added later");
            if (!actual.TryGetValue(name, out var now))
                throw new BadInputException(path, null, "is missing, but the checkpoint's manifest has it");
            if (now.Length != file.Length)
                throw new BadInputException(path, null, $"is {now.Length} bytes long; {file.Length} were recorded");
            if (now.Sha256 != file.Sha256)
                throw new BadInputException(path, null, $"was changed: its SHA-256 is {now.Sha256}; {file.Sha256} was recorded");
        }
    }

    internal static CheckpointManifest Compute(string folder, IEnumerable<string> names)
    {
        string[] ordered = [.. names.Order(StringComparer.Ordinal)];
        var files = new FileDigest[ordered.Length];
        FirstError.Of(() => Parallel.For(0, files.Length, i => files[i] = Compute(folder, ordered[i])));
        return new(files);
    }

    // What a reader would take for the weights; where it would refuse them, the manifest's own files tell what is wrong.
    private static IReadOnlyList<string> Weights(string folder)
    {
        try
        {
            return CheckpointFiles.FindWeights(folder).Names;
        }
        catch (Exception error) when (error is BadInputException or DirectoryNotFoundException)
        {
            return [];
        }
    }

    internal static FileDigest Compute(string folder, string name)
    {
        using var file = CheckpointFiles.Open(Path.Combine(folder, name));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferLength];
        var length = 0L;
        while (RandomAccess.Read(file, buffer, length) is var read and > 0)
        {
            hash.AppendData(buffer, 0, read);
            length += read;
        }
        return new(name, length, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
