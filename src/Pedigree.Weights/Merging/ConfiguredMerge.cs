using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Grams;
using Pedigree.Weights.Merging.Assembly;
using Pedigree.Weights.References;
using Pedigree.Weights.Tokenizers;

namespace Pedigree.Weights.Merging;

/// <summary>A configuration with its models found and opened, brought into one shape, and ready to be merged.</summary>
public sealed class ConfiguredMerge : IDisposable
{
    private readonly List<IDisposable> _opened = [];
    private readonly MergeConfig _config;
    private readonly Scratch _scratch;
    private readonly Func<Checkpoint, Task<string?>>? _known;
    private bool _allKnown = true;
    private SmallFiles _small = null!;
    private Lineage _lineage = null!;
    private IReadOnlyList<string> _hubIds = [];

    private ConfiguredMerge(MergeConfig config, string? scratch, Func<Checkpoint, Task<string?>>? known) =>
        (_config, _scratch, _known) = (config, new(scratch), known);

    /// <summary>What is made.</summary>
    public MergeRecipe Recipe { get; private set; } = null!;

    /// <summary>The recipe's digest; null where no weights were read and a model's own digest is not known.</summary>
    public string? Digest => _allKnown ? Recipe.Digest : null;

    /// <summary>The models as written, the origin last.</summary>
    public IReadOnlyList<string> Models => _config.AllModels;

    /// <summary>The models, brought into one shape, the origin last.</summary>
    public IReadOnlyList<Relative> Sources { get; private set; } = [];

    /// <summary>Whether the models are merged as they are: then their rows are those of what is merged.</summary>
    public bool IsPlain =>
        Parts.Count == 1 && (Recipe.Assembly is null || Recipe.Assembly.All(member => member.Key is DonorKey or ChatKey));

    /// <summary>Elements of all tensors of the child.</summary>
    public long Parameters => Parts.Sum(part => part.Parents[0].Checkpoint.Parameters);

    internal IReadOnlyList<MergePart> Parts { get; private set; } = [];

    /// <summary>Bytes of the models as they were given.</summary>
    internal long BytesGiven => _opened.OfType<Checkpoint>().Sum(model => model.ByteLength);

    /// <summary>Bytes of tensors that must be made before they can be merged.</summary>
    internal long BytesMade => _scratch.Bytes;

    private const string DonorKey = "donor", ChatKey = "chat_template";

    /// <summary>
    /// Finds and opens the models, and plans every tensor. The weights are read once, for their digests, unless
    /// nothing is going to be made.
    /// </summary>
    /// <param name="config">What to merge.</param>
    /// <param name="home">Where relative paths begin.</param>
    /// <param name="locator">Finds models.</param>
    /// <param name="scratch">
    /// A folder that does not exist, for tensors that must be made before they can be merged; null: they are not.
    /// </param>
    /// <param name="seed">Of the methods that draw at random; null: the configuration's, or 0.</param>
    /// <param name="progress">Told what is being fetched or read.</param>
    /// <param name="known">
    /// Where nothing is going to be made: the content digest of a model whose weights need not be read for it, or null.
    /// </param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="BadInputException">
    /// A model is not there, or does not fit the others: names the place in the configuration.
    /// </exception>
    public static async Task<ConfiguredMerge> OpenAsync(
        MergeConfig config, string home, ModelLocator locator, string? scratch, long? seed = null,
        IProgress<string>? progress = null,
        Func<Checkpoint, Task<string?>>? known = null, CancellationToken cancellation = default)
    {
        ConfiguredMerge merge = new(config, scratch, known);
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
    public CheckpointManifest Write(
        string folder, long maxShardSize = CheckpointWriter.DefaultMaxShardSize, int threads = 0,
        IProgress<double>? progress = null,
        CancellationToken cancellation = default) =>
        Merger.Merge(Recipe, Parts, _small, folder, threads, progress, cancellation, maxShardSize);

    /// <summary>
    /// Writes a folder like the child's, but with holes for weights, which take no room on the disk: what comes after it can be
    /// explained before it is made.
    /// </summary>
    public void WriteStandIn(string folder)
    {
        using (CheckpointWriter writer = new($"{folder}.partial", []))
        {
            ChildDescription.WriteSmall(writer, Recipe, _small);
            writer.Complete(folder);
        }
        var tensors = Parts.SelectMany(part => part.Parents[0].Checkpoint.Tensors.Select(
            tensor => new PlannedTensor(tensor.Name, part.Written(tensor.Name), tensor.Shape)));
        var shard = ShardPlan.Divide(tensors, long.MaxValue).Single();
        using var file = File.OpenHandle(Path.Combine(folder, shard.Name), FileMode.Create, FileAccess.Write);
        RandomAccess.SetLength(file, shard.Length);
        RandomAccess.Write(file, shard.Header, 0);
    }

    /// <summary>Closes the models and removes what was made on the way.</summary>
    public void Dispose()
    {
        _scratch.Dispose();
        foreach (var opened in _opened)
            opened.Dispose();
    }

    private async Task OpenAsync(
        string home, ModelLocator locator, long? seed, IProgress<string>? progress, CancellationToken cancellation)
    {
        List<Relative> models = [];
        var (assembly, adapters) = (new JsonObject(), new JsonObject());
        for (var i = 0; i < _config.AllModels.Count; i++)
            models.Add(await OpenAsync(i, home, locator, adapters, progress, cancellation));
        _lineage = Lineage.Of(models, _config.AllModels);
        _hubIds = [.. _config.AllModels.Select((name, i) => ModelReference.Parse(name, home).HubIdOf(models[i].Checkpoint.Folder))
            .OfType<string>()
            .Distinct()];
        if (adapters.Count > 0)
            assembly["adapters"] = adapters;
        Sources = CommonShape.Of(models, assembly, sameRows: _config.Tokenizer is null);
        Vocabularies? vocabularies = null;
        if (_config.Tokenizer is { } tokenizer)
        {
            progress?.Report("uniting vocabularies");
            vocabularies = new(_config, Sources, tokenizer.Model is null ? null
                : await FolderOfAsync(tokenizer.Model, tokenizer.At, home, locator, progress, cancellation));
            Sources = vocabularies.Apply(_scratch);
            assembly["tokenizer"] = tokenizer.ToJson();
            if (tokenizer.Model is not null)
                assembly["tokenizer"]!["sha256"] = CheckpointDigest.Compute(vocabularies.Folder,
                    CheckpointFiles.Carried.Where(name => File.Exists(Path.Combine(vocabularies.Folder, name)))).ContentDigest;
        }
        for (var i = 0; i < Sources.Count; i++)
            At(i, () => CheckpointCompatibility.RequireConfig(
                Sources[_config.Donor].Checkpoint, Sources[i].Checkpoint, ["num_hidden_layers"]));
        var plain = LayerStacking.IsPlain(_config, Sources);
        if (!plain)
            assembly["layers"] = LayerStacking.Describe(_config);
        if (_config.Donor > 0)
            assembly[DonorKey] = _config.Donor;
        if (_config.ChatTemplate is not null)
            assembly[ChatKey] = _config.ChatTemplate;
        var origin = _config.Origin is null ? null : Sources[^1];
        Relative[] parents = [.. Sources.Take(_config.Models.Count)];
        Recipe = new(_config.Body, [.. parents.Select(model => model.Digest)], origin?.Digest, seed ?? _config.Seed ?? 0)
        {
            Assembly = assembly.Count > 0 ? assembly : null,
        };
        Parts = plain ? [new(Recipe, parents, origin)] : LayerStacking.Stack(_config, Recipe, Sources);
        if (plain)
            for (var i = 1; i < Sources.Count; i++)
                At(i, () => CheckpointCompatibility.Require(Sources[0].Checkpoint, Sources[i].Checkpoint));
        _small = Files(plain ? Sources[_config.Donor].Checkpoint : Parts[0].Parents[0].Checkpoint, vocabularies);
    }

    private SmallFiles Files(Checkpoint donor, Vocabularies? vocabularies)
    {
        SmallFiles files = new(donor, _config.AllModels) { Configuration = _config.Text, Lineage = _lineage, HubIds = _hubIds };
        if (vocabularies is not null)
            files = files.With(vocabularies);
        var template = _config.ChatTemplate switch
        {
            null => null,
            ChatTemplates.Auto => ChatTemplates.MostFrequent(Sources.Select(model => model.Checkpoint.Folder)),
            { } name when ChatTemplates.Names.Contains(name) => ChatTemplates.Named(name),
            { } text => text,
        };
        return template is null ? files : files.WithChat(template);
    }

    private async Task<Relative> OpenAsync(
        int model,
        string home,
        ModelLocator locator,
        JsonObject adapters,
        IProgress<string>? progress,
        CancellationToken cancellation)
    {
        var (name, place) = (_config.AllModels[model], _config.Places[model]);
        var folder = await FolderOfAsync(name, place, home, locator, progress, cancellation);
        var adapterFolder = ModelReference.Parse(name, home).Adapter is { } reference
            ? await FolderOfAsync(reference.ToString(), place, home, locator, progress, cancellation) : null;
        try
        {
            progress?.Report($"reading {name}");
            var checkpoint = Checkpoint.Open(folder);
            _opened.Add(checkpoint);
            // Where nothing is going to be made, no weights are read either.
            var digest = !_scratch.IsDry ? CheckpointDigest.Compute(checkpoint).ContentDigest
                : _known is null ? null
                : await _known(checkpoint);
            _allKnown &= digest is not null && (adapterFolder is null || !_scratch.IsDry);
            digest ??= folder;
            if (adapterFolder is null)
                return new(digest, checkpoint);
            progress?.Report($"merging the adapter of {name}");
            var adapter = new Adapter(adapterFolder);
            _opened.Add(adapter);
            JsonObject parts =
                new() { ["model"] = digest, ["adapter"] = _scratch.IsDry ? adapterFolder : Adapter.DigestOf(adapterFolder) };
            digest = Hashing.Sha256(parts.ToJsonString());
            adapters[digest] = parts;
            return new(digest, adapter.Apply(checkpoint, _scratch));
        }
        catch (BadInputException error)
        {
            throw place.Error(error.Message);
        }
    }

    private static async Task<string> FolderOfAsync(
        string name,
        ConfigurationPlace place,
        string home,
        ModelLocator locator,
        IProgress<string>? progress,
        CancellationToken cancellation)
    {
        try
        {
            return await locator.FolderAsync(name, home, new Downloads(progress), cancellation);
        }
        catch (BadInputException error)
        {
            throw place.Error(error.Message);
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
            throw _config.Places[model].Error(error.Message);
        }
    }

    private sealed class Downloads(IProgress<string>? progress) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => progress?.Report($"fetching {value.Model}, {value.Bytes / 1_000_000} MB");
    }
}
