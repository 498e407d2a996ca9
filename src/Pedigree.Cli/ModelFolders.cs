using Pedigree.Weights.References;
using Pedigree.Workflow.Report;

namespace Pedigree.Cli;

/// <summary>Folders of the models that a command names.</summary>
internal static class ModelFolders
{
    /// <summary>The folder of a model; one that is on the hub only is fetched first, and <paramref name="progress"/> says so.</summary>
    public static Task<string> FindAsync(string model, string home, ProgressLines progress, CancellationToken cancellation) =>
        ModelLocator.Default.FolderAsync(model, home, new Told<DownloadProgress>(
            news => progress.Show($"fetching {news.Model}, {Format.Count(news.Bytes)} bytes")), cancellation);

    /// <summary>The folders of several, one after the other.</summary>
    public static async Task<string[]> FindAllAsync(
        IEnumerable<string> models, string home, ProgressLines progress, CancellationToken cancellation)
    {
        List<string> folders = [];
        foreach (string model in models)
            folders.Add(await FindAsync(model, home, progress, cancellation));
        return [.. folders];
    }
}
