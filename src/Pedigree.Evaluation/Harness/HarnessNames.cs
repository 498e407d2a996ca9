using System.Text;
using System.Text.RegularExpressions;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Harness;

/// <summary>Where the harness's files lie, and what they are called.</summary>
internal static class HarnessNames
{
    /// <summary>
    /// Bytes of a name at most: file systems take 255, and the time, an ending, and while it is written another come to it.
    /// </summary>
    private const int Longest = 150;

    /// <summary>Whether a path names the results file, and not a folder for it.</summary>
    public static bool IsSingle(string path) => path.EndsWith(".json", StringComparison.Ordinal);

    /// <summary>The folder of a model's files.</summary>
    public static string Folder(string path, string model) =>
        IsSingle(path) ? Path.GetDirectoryName(Path.GetFullPath(path))! : Path.Combine(path, Model(model));

    /// <summary>A model's name as a part of a path, as the harness writes it; a very long one is cut.</summary>
    public static string Model(string name) => Sanitized(name) is var plain && Fits(plain) ? plain : Cut(plain, name);

    /// <summary>
    /// A task's name as a part of a path. The harness takes it as it stands. One that cannot stand there is made fit, and has
    /// eight digits of its digest, so that two names never become one.
    /// </summary>
    public static string Task(string name) =>
        Sanitized(name) is var plain && plain == name && Fits(name) ? name : Cut(plain, name);

    /// <summary>Finds out whether they can be written.</summary>
    /// <exception cref="BadInputException">They cannot.</exception>
    public static void Check(string path, string model)
    {
        if (IsSingle(path) && !Fits(Path.GetFileName(path)))
            throw new BadInputException(path, null,
                $"is too long a name, since the time comes to it; one of {Longest} bytes at most would be right");
        WritableFolder.Check(Folder(path, model));
    }

    private static string Sanitized(string name) => Regex.Replace(name, """["<>:/|\\?*\[\]\x00-\x1f]+""", "__");

    private static bool Fits(string name) => Encoding.UTF8.GetByteCount(name) <= Longest;

    private static string Cut(string plain, string name)
    {
        while (!Fits(plain))
            plain = plain[..^(char.IsLowSurrogate(plain[^1]) ? 2 : 1)];
        return $"{plain}-{Hashing.Sha256(name)[..8]}";
    }
}
