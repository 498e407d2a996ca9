using Pedigree.Storage;
using Pedigree.Weights.Grams;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Explaining;

/// <summary>
/// Keeps the inner products of models that are no run's, where <see cref="MergeExplainer"/> and runs with
/// the same models find them.
/// </summary>
public static class KeptKinship
{
    /// <summary>
    /// The models under the digests that a store keeps their rows by. Those it does not know are read
    /// once more, for their digests.
    /// </summary>
    /// <param name="store">The store; made where there is none.</param>
    /// <param name="models">The base and its descendants, open.</param>
    /// <param name="progress">Told of uploads.</param>
    /// <param name="cancellation">Ends it.</param>
    public static async Task<IReadOnlyList<Relative>> NamedAsync(
        IStore store,
        IReadOnlyList<Relative> models,
        IProgress<RunProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        KnownModels known = new(store, cancellation);
        List<Relative> named = [];
        foreach (Relative model in models)
            named.Add(model with
            {
                Digest = await known.NameAsync(model.Checkpoint.Folder)
                    ?? (await Admission.KeepAsync(
                        store, model.Checkpoint, new(progress, "admit", model.Digest), cancellation)).Digest,
            });
        return named;
    }

    /// <summary>Keeps rows.</summary>
    public static async Task KeepAsync(IStore store, IReadOnlyList<GramRow> rows, CancellationToken cancellation = default)
    {
        GramCache grams = new(store);
        foreach (GramRow row in rows)
            await grams.AddAsync(row, cancellation);
    }
}
