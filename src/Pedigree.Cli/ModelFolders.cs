using System.CommandLine;
using Pedigree.Storage;
using Pedigree.Weights.References;
using Pedigree.Workflow;
using Pedigree.Workflow.Report;

namespace Pedigree.Cli;

/// <summary>
/// Folders of the models that a command names: folders, models of the store, or Hugging Face ids, which are fetched first.
/// </summary>
internal sealed class ModelFolders(
    ParseResult parsed, Option<string> store, ProgressLines progress, CancellationToken cancellation) : IDisposable
{
    private readonly StoredModels _stored = new(Store.Open(parsed.GetValue(store)!), progress, cancellation);

    /// <summary>The folder of a model of the store; null where it has none of that name.</summary>
    public Task<string?> StoredAsync(string model) => _stored.FolderAsync(model);

    /// <summary>The folder of a model.</summary>
    /// <exception cref="Weights.BadInputException">There is no such model.</exception>
    public Task<string> FindAsync(string model) =>
        new ModelLocator(HubSettings.FromEnvironment(), StoredAsync).FolderWithoutAdapterAsync(
            model, Environment.CurrentDirectory, new Told<DownloadProgress>(
                news => progress.Show($"fetching {news.Model}, {Format.Count(news.Bytes)} bytes")), cancellation);

    /// <summary>The folders of several, one after the other.</summary>
    public async Task<string[]> FindAllAsync(IEnumerable<string> models)
    {
        List<string> folders = [];
        foreach (string model in models)
            folders.Add(await FindAsync(model));
        return [.. folders];
    }

    /// <inheritdoc/>
    public void Dispose() => _stored.Dispose();
}
