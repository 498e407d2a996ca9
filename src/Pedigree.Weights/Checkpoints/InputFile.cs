namespace Pedigree.Weights.Checkpoints;

/// <summary>Files that a person names, which may be links, pipes or devices.</summary>
public static class InputFile
{
    /// <summary>The file itself: length and time of a link are not those of what it leads to.</summary>
    public static FileInfo Behind(string path) =>
        new FileInfo(path) is { LinkTarget: not null } link && link.ResolveLinkTarget(returnFinalTarget: true) is FileInfo file
            ? file
            : new(path);

    /// <summary>
    /// Where to read a file from. A pipe or a device has no length, and reading it may never end: of what
    /// has none nothing is read.
    /// </summary>
    public static string Readable(string path) =>
        Behind(path) is { Exists: true, Length: 0 } ? OperatingSystem.IsWindows() ? "NUL" : "/dev/null" : path;
}
