namespace Pedigree.Api.Requests;

/// <summary>Follows links.</summary>
internal static class RealPath
{
    private const int MostLinks = 40;

    /// <summary>The path without links, as <c>realpath</c> gives it; what does not exist stays as it is.</summary>
    /// <exception cref="RefusedException">Links lead round in a circle.</exception>
    public static string Of(string path)
    {
        string real = Path.GetPathRoot(path)!;
        Stack<string> rest = new(Segments(path).Reverse());
        for (int links = 0; rest.TryPop(out string? segment);)
        {
            string next = Path.GetFullPath(Path.Combine(real, segment));
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }
            if (++links > MostLinks)
                throw RefusedException.Wrong(null, $"`{path}` is a link that leads round in a circle");
            string aim = Path.Combine(real, target);
            real = Path.GetPathRoot(aim)!;
            foreach (string step in Segments(aim).Reverse())
                rest.Push(step);
        }
        return real;
    }

    private static IEnumerable<string> Segments(string path) => path[Path.GetPathRoot(path)!.Length..]
        .Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries);
}
