using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Configuration;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow;

/// <summary>
/// Models of a store by digest or as <c>run/model</c>. Their folders stay where they are until this is disposed; a child that
/// was removed is made again.
/// </summary>
/// <param name="store">The store; nothing is made where there is none.</param>
/// <param name="progress">Told of downloads and of what is made again.</param>
/// <param name="cancellation">Ends those.</param>
public sealed class StoredModels(IStore store, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    : IDisposable
{
    private readonly Models _models = new(store);
    private readonly List<OpenModel> _open = [];

    /// <summary>The digest that a name stands for; null where the store has no such checkpoint.</summary>
    public static async Task<string?> DigestAsync(IStore store, string name, CancellationToken cancellation = default)
    {
        if (StoreNames.IsDigest(name))
            return await store.ExistsAsync(StoreNames.Recipe(name), cancellation)
                || await store.ExistsAsync(StoreNames.Source(name), cancellation)
                || await store.ExistsAsync(StoreNames.RemovedRecipe(name), cancellation) ? name : null;
        return await RunAsync(store, name, cancellation) is (var state, var model) ? Find(state, model)?.Digest : null;
    }

    /// <summary>The folder of a model; null where it is neither a digest of the store's nor a model of one of its runs.</summary>
    /// <exception cref="BadInputException">The run has no such model.</exception>
    public async Task<string?> FolderAsync(string name)
    {
        if (await DigestAsync(store, name, cancellation) is not { } digest)
            return await RunAsync(store, name, cancellation) is (var state, var wanted)
                ? throw NoSuchModel(name, wanted, state)
                : null;
        OpenModel model = await _models.OpenAsync(digest, new(progress, "open", name), cancellation);
        _open.Add(model);
        return model.Checkpoint.Folder;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (OpenModel model in _open)
            model.Dispose();
    }

    private static async Task<(RunState State, string Model)?> RunAsync(
        IStore store, string name, CancellationToken cancellation) =>
        name.Split('/') is [var run, var model]
        && StoreNames.IsRun(run)
        && await new StoredRun(store, run).ExistsAsync(cancellation)
            ? ((await Runs.LoadAsync(store, run, cancellation)).State, model) : null;

    private static Model? Find(RunState state, string name) =>
        name == RunState.BaseName ? state.Base : state.Models.GetValueOrDefault(name);

    private static BadInputException NoSuchModel(string name, string model, RunState state)
    {
        string[] known = [RunState.BaseName, .. state.Models.Keys];
        return new(name, null, $"the run has no model `{model}`; "
            + (Nearest.To(model, known) is { } near ? $"did you mean `{near}`?" : $"it has {string.Join(", ", known)}"));
    }
}
