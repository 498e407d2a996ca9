using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging;
using Pedigree.Weights.References;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Explaining;

/// <summary>
/// Explains the documents of a configuration file in order, without touching a weight. What a document merges that an earlier one
/// is going to make is a stand-in: the child's files, with holes for weights. Kinship follows from the rows that a store keeps,
/// from document to document.
/// </summary>
public sealed class MergeExplainer : IDisposable
{
    /// <summary>Bytes a second where no merge on this machine has shown another rate.</summary>
    public const double AssumedRate = 1e9;

    private readonly KnownModels _known;
    private readonly string _standIns = Directory.CreateTempSubdirectory("pedigree-explained-").FullName;
    private readonly Dictionary<string, string> _folders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string Name, GramRow? Row)> _stages = new(StringComparer.Ordinal);

    private MergeExplainer(IStore store, CancellationToken cancellation) => _known = new(store, cancellation);

    /// <param name="stages">The documents.</param>
    /// <param name="home">Where relative paths begin.</param>
    /// <param name="hub">Where models are found that are no folders.</param>
    /// <param name="store">Whose rows and digests are used.</param>
    /// <param name="stored">
    /// The folder of what the caller's store has by a name, after it was fetched or made again; or null.
    /// </param>
    /// <param name="folder">Where the result is to go; null: not said.</param>
    /// <param name="seed">Of the methods that draw at random; null: each document's own, or 0.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="BadInputException">A configuration, a model or the folder is not right.</exception>
    public static async Task<IReadOnlyList<StageExplanation>> ExplainAsync(
        IReadOnlyList<MergeConfig> stages, string home, HubSettings hub, IStore store, Func<string, Task<string?>> stored,
        string? folder, long? seed,
        CancellationToken cancellation = default)
    {
        if (folder is not null && Path.Exists(folder))
            throw new BadInputException(folder, null, "exists already; name a folder that does not");
        using MergeExplainer explainer = new(store, cancellation);
        ModelLocator locator = new(hub, async name => explainer._folders.GetValueOrDefault(name)
            ?? await LocalAsync(store, name, cancellation)
            ?? await stored(name));
        List<StageExplanation> explained = [];
        foreach ((int index, MergeConfig stage) in stages.Index())
        {
            bool isLast = index == stages.Count - 1;
            using ConfiguredMerge merge = await ConfiguredMerge.OpenAsync(
                stage, home, locator, null, seed, known: explainer._known.ContentAsync, cancellation: cancellation);
            string? made = folder is not null && !isLast && merge.Digest is { } digest
                && MergePipeline.StageFolder(Path.TrimEndingDirectorySeparator(folder), digest) is var place
                && Directory.Exists(place) ? place : null;
            explained.Add(await explainer.ExplainAsync(stage, merge, made, isLast));
        }
        return explained;
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_standIns, recursive: true);

    // Opened as a model to be merged it would be read, and made again where it was removed.
    private static async Task<string?> LocalAsync(IStore store, string name, CancellationToken cancellation) =>
        await StoredModels.DigestAsync(store, name, cancellation) is { } digest
        && await Models.AddressOfAsync(store, digest) is { } folder
        && Directory.Exists(folder)
            ? folder : null;

    private async Task<StageExplanation> ExplainAsync(MergeConfig stage, ConfiguredMerge merge, string? made, bool isLast)
    {
        (IReadOnlyList<GramRow>? rows, string? notPredicted) = await RowsAsync(stage, merge);
        MergeExplanation explanation = MergeExplanation.Of(merge, rows, isLast || rows is null ? null : await OthersAsync(rows));
        if (!explanation.IsWeightedSum)
            notPredicted = $"{explanation.Method} is no weighted sum, so that only the child "
                + "itself can tell: `pedigree kinship` once it is made";
        if (!isLast)
        {
            string lies = made ?? Path.Combine(_standIns, $"{_folders.Count}");
            if (made is null)
                merge.WriteStandIn(lies);
            _folders.Add(stage.Name!, lies);
            _stages.Add(lies, (stage.Name!, explanation.Row));
        }
        MergeSpeed? speed = MergeSpeeds.Find(explanation.Method);
        return new(stage.Name, merge.Digest, made, explanation with { Tensors = [.. explanation.Tensors.Select(Named)] },
            explanation.Row is { } row ? await _known.PathAsync(row.Base!) : null, explanation.Row is null
                ? notPredicted
                : null, speed?.Rate ?? AssumedRate, speed);
    }

    private TensorExplanation Named(TensorExplanation tensor) => tensor with
    {
        Sources = [.. tensor.Sources.Select(source => _stages.TryGetValue(source, out var stage) ? stage.Name : source)],
    };

    /// <summary>The parents' rows relative to one base; or why there are none.</summary>
    private async Task<(IReadOnlyList<GramRow>? Rows, string? Lacking)> RowsAsync(MergeConfig stage, ConfiguredMerge merge)
    {
        if (!merge.IsPlain)
            return (null, "its models are brought into another shape first, so that what is known of them does not tell");
        string[] parents = [.. stage.Models.Select((_, i) => merge.Sources[i].Checkpoint.Folder)];
        if (parents.FirstOrDefault(parent => _stages.TryGetValue(parent, out var earlier) && earlier.Row is null) is { } unknown)
            return (null, $"that of {_stages[unknown].Name} is not");
        string? origin = stage.Origin is null ? null : merge.Sources[^1].Checkpoint.Folder;
        string? earlierBase = parents.Select(parent => _stages.GetValueOrDefault(parent).Row?.Base)
            .FirstOrDefault(name => name is not null);
        string[] bases = earlierBase is not null ? [earlierBase]
            : origin is not null ? await _known.NameAsync(origin) is { } name ? [name] : []
            : [.. await _known.AdmittedAsync()];
        foreach (string ancestor in bases)
        {
            List<GramRow> rows = [];
            foreach (string parent in parents)
            {
                GramRow? row = _stages.GetValueOrDefault(parent).Row
                    ?? (await _known.NameAsync(parent) is { } digest ? await _known.RowAsync(ancestor, digest) : null);
                if (row is not null)
                    rows.Add(row);
            }
            if (rows.Count == parents.Length && GramRow.AllRelated(rows))
                return (rows, null);
        }
        IEnumerable<string> measured = parents.Where(parent => !_stages.ContainsKey(parent)).Select(Written);
        return (null, "the store has no inner products of its models; "
            + $"`pedigree kinship {(origin is null ? "BASE" : Written(origin))} {string.Join(' ', measured)} --keep` finds them"
            + (origin is null ? ", BASE being what they were trained from" : ""));
    }

    /// <summary>
    /// What later documents may merge the child with: the models whose products with all its parents are known.
    /// </summary>
    private async Task<IReadOnlyList<GramRow>> OthersAsync(IReadOnlyList<GramRow> parents)
    {
        List<GramRow> others = [.. _stages.Values.Select(stage => stage.Row).OfType<GramRow>()];
        foreach (string model in await _known.AdmittedAsync())
            if (await _known.RowAsync(parents[0].Base!, model) is { } row)
                others.Add(row);
        return [.. others.Where(other => other.Base == parents[0].Base && parents.All(parent => GramRow.Related(parent, other)))];
    }

    private static string Written(string folder)
    {
        string near = Path.GetRelativePath(Environment.CurrentDirectory, folder);
        string path = near.StartsWith("..", StringComparison.Ordinal) ? folder : $"./{near}";
        return path.Contains(' ') ? $"'{path}'" : path;
    }
}
