using Pedigree.Weights;

namespace Pedigree.Evaluation.Tasks;

/// <summary>The files and folders that tasks may be read from.</summary>
/// <param name="Refusal">Why one may not be read; null where it may.</param>
internal sealed record TaskFiles(Func<string, string?> Refusal)
{
    /// <summary>A path, absolute, that may be read.</summary>
    /// <param name="path">The path as it is given.</param>
    /// <param name="home">Where it begins.</param>
    /// <param name="file">The file that names it.</param>
    /// <param name="field">The key under which it does.</param>
    /// <exception cref="BadInputException">It may not be read.</exception>
    public string Allowed(string path, string home, string file, string field) =>
        Path.GetFullPath(path, home) is var whole && Refusal(whole) is { } reason
            ? throw new BadInputException(file, field, reason)
            : whole;
}
