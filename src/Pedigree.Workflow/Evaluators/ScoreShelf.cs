using System.Text.Json.Nodes;
using Pedigree.Evaluation;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Evaluators;

/// <summary>Scores of a store and their rows, found by all that they depend on.</summary>
/// <param name="store">The store.</param>
/// <param name="spec">The run's spec.</param>
internal sealed class ScoreShelf(IStore store, RunSpec spec)
{
    /// <summary>
    /// Name of a score: checkpoint, task (definition, data, number of examples and rows), metric, seed of the examples, evaluator
    /// with its version and settings, device, and whether it was asked in parts.
    /// </summary>
    public string Key(string checkpoint, TaskSpec task, string evaluator, string device) => Hash(new JsonObject
    {
        ["checkpoint"] = checkpoint,
        ["task"] = task.Digest,
        ["metric"] = task.Metric,
        ["fewshotSeed"] = TaskLoader.FewshotSeed,
        ["evaluator"] = evaluator,
        ["command"] = spec.Evaluator?.Command is { } command ? new JsonArray([.. command.Select(word => (JsonNode)word)]) : null,
        ["modelArgs"] = spec.Evaluator?.ModelArgs,
        ["url"] = spec.Evaluator?.Url,
        ["device"] = device,
        ["inParts"] = spec.Sequential is not null,
    });

    /// <summary>
    /// Name of what is known of a child that was given up: it is no score of it, and found only where it is
    /// measured by the same models.
    /// </summary>
    public string PartialKey(IEnumerable<string> keys, string rival, IEnumerable<string> founders) => Hash(new JsonObject
    {
        ["partial"] = new JsonArray([.. keys.Select(key => (JsonNode)key)]),
        ["weights"] = new JsonArray([.. spec.Tasks.Select(task => (JsonNode)task.Weight)]),
        ["rival"] = rival,
        ["founders"] = new JsonArray([.. founders.Select(digest => (JsonNode)digest)]),
        ["confidence"] = spec.Sequential?.Confidence,
    });

    /// <summary>The score of a key; null where there is none.</summary>
    public async Task<TaskScore?> FindAsync(string key, CancellationToken cancellation) =>
        (await StoredScore.ReadAsync<KeptScore>(store, key, cancellation))?.Score;

    /// <summary>What is known of a child that was given up; null where there is nothing.</summary>
    public Task<PartialScores?> FindPartialAsync(string key, CancellationToken cancellation) =>
        StoredScore.ReadAsync<PartialScores>(store, key, cancellation);

    /// <summary>The rows of a score; null where none were kept.</summary>
    /// <exception cref="BadInputException">They are not those that were kept.</exception>
    public async Task<IReadOnlyList<ItemRow>?> ItemsAsync(string key, CancellationToken cancellation)
    {
        string name = StoreNames.Items(key);
        if ((await StoredScore.ReadAsync<KeptScore>(store, key, cancellation))?.ItemsSha256 is not { } sha256
            || await store.ReadAsync(name, cancellation: cancellation) is not { } content)
            return null;
        return Hashing.Sha256(content) == sha256 ? await ItemFile.ReadAsync(content, store.AddressOf(name), cancellation)
            : throw new BadInputException(store.AddressOf(name), null,
                "was changed; remove it and the score beside it, and they are computed again");
    }

    /// <summary>The rows of a task of a model, whichever device scored it.</summary>
    public async Task<IReadOnlyList<ItemRow>?> ItemsAsync(
        string checkpoint, TaskSpec task, string evaluator, IEnumerable<string> devices, CancellationToken cancellation)
    {
        foreach (string device in devices)
            if (await ItemsAsync(Key(checkpoint, task, evaluator, device), cancellation) is { } rows)
                return rows;
        return null;
    }

    /// <summary>Keeps a score and its rows; the rows first, so that a score that is there has them.</summary>
    public async Task KeepAsync(string key, ScoredTask scored, CancellationToken cancellation)
    {
        byte[]? rows = scored.Items.Count > 0 ? await ItemFile.WriteAsync(scored.Items, cancellation) : null;
        if (rows is not null)
            await store.WriteAsync(StoreNames.Items(key), rows, cancellation);
        await StoredScore.WriteAsync(
            store, key, new KeptScore(scored.Score, rows is null ? null : Hashing.Sha256(rows)), cancellation);
    }

    /// <summary>Keeps what is known of a child that was given up.</summary>
    public Task KeepPartialAsync(string key, PartialScores scores, CancellationToken cancellation) =>
        StoredScore.WriteAsync(store, key, scores, cancellation);

    private static string Hash(JsonObject identity) => Hashing.Sha256(identity.ToJsonString());
}

/// <summary>A score, and the SHA-256 of its rows; null where it has none.</summary>
internal sealed record KeptScore(TaskScore Score, string? ItemsSha256);

/// <summary>Estimates of a child that was given up, and how far it was asked.</summary>
internal sealed record PartialScores(IReadOnlyList<TaskScore> Scores, int Asked, int Items);
