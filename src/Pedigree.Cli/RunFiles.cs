using System.Text.RegularExpressions;
using Pedigree.Weights;
using Pedigree.Workflow;

namespace Pedigree.Cli;

/// <summary>Names and files of runs.</summary>
internal static partial class RunFiles
{
    private const int LongestId = 64;

    /// <summary>
    /// The id of a run that was given none: the spec's name and the strategy, so that the same command finds it again.
    /// </summary>
    public static string DefaultId(SpecFile spec)
    {
        string stem = NotAllowed().Replace(Path.GetFileNameWithoutExtension(spec.Path), "-").TrimStart('.', '-', '_');
        string strategy = spec.Spec.Strategy.Name;
        string id = stem.Length == 0 ? strategy
            : stem == strategy || stem.EndsWith($"-{strategy}", StringComparison.Ordinal) ? stem
            : $"{stem}-{strategy}";
        return id.Length <= LongestId ? id : id[^LongestId..].TrimStart('.', '-', '_');
    }

    /// <summary>Writes the report beside the log and returns where it lies.</summary>
    public static async Task<string> WriteReportAsync(RunRecord run)
    {
        await run.WriteReportAsync();
        return run.Store.AddressOf(run.Run.Report);
    }

    /// <summary>
    /// The same of a run that was finished before: where nothing can be written, the report that is there;
    /// null where there is none.
    /// </summary>
    public static async Task<string?> RewriteReportAsync(RunRecord run)
    {
        try
        {
            return await WriteReportAsync(run);
        }
        catch (UnavailableException)
        {
            return await run.Store.ExistsAsync(run.Run.Report) ? run.Store.AddressOf(run.Run.Report) : null;
        }
    }

    [GeneratedRegex("[^A-Za-z0-9._-]")]
    private static partial Regex NotAllowed();
}
