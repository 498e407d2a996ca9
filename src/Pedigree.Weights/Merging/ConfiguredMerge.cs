using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging.Assembly;
using Pedigree.Weights.References;

namespace Pedigree.Weights.Merging;

/// <summary>A configuration with its models found and opened, brought into one shape, and ready to be merged.</summary>
public sealed class ConfiguredMerge : IDisposable
{
    private readonly List<Checkpoint> _opened = [];
    private readonly MergeConfig _config;
    private IReadOnlyList<Relative> _models = [];

    private ConfiguredMerge(MergeConfig config) => _config = config;

    /// <summary>What is made.</summary>
    public MergeRecipe Recipe { get; private set; } = null!;

    /// <summary>Elements of all tensors of the child.</summary>
    public long Parameters => Parts.Sum(part => part.Parents[0].Checkpoint.Parameters);

    internal IReadOnlyList<MergePart> Parts { get; private set; } = [];

    /// <summary>Has the child's config, but for the type, and lends its small files.</summary>
    internal Checkpoint Donor { get; private set; } = null!;

    /// <summary>Finds and opens the models, and plans every tensor. The weights are read once, for their digests.</summary>
    /// <param name="config">What to merge.</param>
    /// <param name="home">Where relative paths begin.</param>
    /// <param name="locator">Finds models.</param>
    /// <param name="seed">Of the methods that draw at random.</param>
    /// <param name="progress">Told what is being fetched or read.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="BadInputException">A model is not there, or does not fit the others: names the place in the configuration.</exception>
    public static async Task<ConfiguredMerge> OpenAsync(
        MergeConfig config, string home, ModelLocator locator, long seed = 0, IProgress<string>? progress = null, CancellationToken cancellation = default)
    {
        ConfiguredMerge merge = new(config);
        try
        {
            await merge.OpenAsync(home, locator, seed, progress, cancellation);
            return merge;
        }
        catch
        {
            merge.Dispose();
            throw;
        }
    }

    /// <summary>Writes the child, whole or not at all.</summary>
    /// <exception cref="BadInputException">The folder exists, a weight is not finite, or the disk is full.</exception>
    public CheckpointManifest Write(string folder, int threads = 0, IProgress<double>? progress = null, CancellationToken cancellation = default) =>
        Merger.Merge(Recipe, Parts, Donor, folder, _config.AllModels, threads, progress, cancellation);

    /// <summary>Closes the models.</summary>
    public void Dispose()
    {
        foreach (var checkpoint in _opened)
            checkpoint.Dispose();
    }

    private async Task OpenAsync(string home, ModelLocator locator, long seed, IProgress<string>? progress, CancellationToken cancellation)
    {
        List<Relative> models = [];
        for (var i = 0; i < _config.AllModels.Count; i++)
            models.Add(await OpenAsync(i, home, locator, progress, cancellation));
        var assembly = new JsonObject();
        _models = CommonShape.Of(models, assembly);
        for (var i = 0; i < _models.Count; i++)
            At(i, () => CheckpointCompatibility.RequireConfig(_models[_config.Donor].Checkpoint, _models[i].Checkpoint, ["num_hidden_layers"]));
        var plain = LayerStacking.IsPlain(_config, _models);
        if (!plain)
            assembly["layers"] = LayerStacking.Describe(_config);
        if (_config.Donor > 0)
            assembly["donor"] = _config.Donor;
        var origin = _config.Origin is null ? null : _models[^1];
        Relative[] parents = [.. _models.Take(_config.Models.Count)];
        Recipe = new(_config.Body, [.. parents.Select(model => model.Digest)], origin?.Digest, seed) { Assembly = assembly.Count > 0 ? assembly : null };
        Parts = plain ? [new(Recipe, parents, origin)] : LayerStacking.Stack(_config, Recipe, _models);
        Donor = plain ? _models[_config.Donor].Checkpoint : Parts[0].Parents[0].Checkpoint;
        if (plain)
            for (var i = 1; i < _models.Count; i++)
                At(i, () => CheckpointCompatibility.Require(_models[0].Checkpoint, _models[i].Checkpoint));
    }

    private async Task<Relative> OpenAsync(int model, string home, ModelLocator locator, IProgress<string>? progress, CancellationToken cancellation)
    {
        try
        {
            var folder = await locator.FolderAsync(_config.AllModels[model], home, new Downloads(progress), cancellation);
            progress?.Report($"reading {_config.AllModels[model]}");
            var checkpoint = Checkpoint.Open(folder);
            _opened.Add(checkpoint);
            return new(CheckpointDigest.Compute(checkpoint).ContentDigest, checkpoint);
        }
        catch (BadInputException error)
        {
            throw Place(model).Error(error.Message);
        }
    }

    private void At(int model, Action check)
    {
        try
        {
            check();
        }
        catch (BadInputException error)
        {
            throw Place(model).Error(error.Message);
        }
    }

    private ConfigurationPlace Place(int model) => _config.Places[model];

    private sealed class Downloads(IProgress<string>? progress) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => progress?.Report($"fetching {value.Model}, {value.Bytes / 1_000_000} MB");
    }
}
