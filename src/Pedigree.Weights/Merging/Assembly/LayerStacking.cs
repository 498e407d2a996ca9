using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Grams;

namespace Pedigree.Weights.Merging.Assembly;

/// <summary>
/// Lays the layers of a configuration's slices one on another: each tensor of the child with its sources, by its own name.
/// </summary>
internal sealed class LayerStacking
{
    // Beside numbers of sources, the key of tensors that are taken as they are.
    private const int Alone = 0;

    private readonly MergeConfig _config;
    private readonly IReadOnlyList<Relative> _models;
    private readonly JsonObject _childConfig;
    private readonly SortedDictionary<int, List<StackedTensor>> _bySources = [];

    private LayerStacking(MergeConfig config, IReadOnlyList<Relative> models)
    {
        _config = config;
        _models = models;
        _childConfig = (JsonObject)models[config.Donor].Checkpoint.Config.DeepClone();
    }

    /// <summary>Whether every model has every layer at its place, so that the models are merged as they are.</summary>
    public static bool IsPlain(MergeConfig config, IReadOnlyList<Relative> models)
    {
        if (config.Layout is null)
            return true;
        string[] names = [.. models[0].Checkpoint.Tensors.Select(tensor => tensor.Name)];
        var stacks = new Architecture(names).Stacks;
        // A module without a tensor is refused where it is stacked.
        if (config.Body.Slices.Any(
            slice => slice.Module is not null && !names.Any(name => config.Body.SlicesOf(name).Contains(slice))))
            return false;
        for (var i = 0; i < config.Layout.Count; i++)
        {
            var (slice, sources) = (config.Body.Slices[i], config.Layout[i].All);
            if (slice.IsAlone || !sources.Select(source => source.Model).SequenceEqual(Enumerable.Range(0, models.Count))
                || sources.Any(source => source.Start != slice.Start || source.End != slice.End))
                return false;
        }
        return config.Layout.All(slice => slice.Sources[0].End is null)
            || config.Body.Slices[0].Module is null && stacks.Count == 1 && stacks.Values.Single() == config.Body.Slices[^1].End;
    }

    /// <summary>The parts of the child.</summary>
    /// <param name="config">What to merge.</param>
    /// <param name="recipe">The recipe of the whole.</param>
    /// <param name="models">All models of the configuration, the origin last.</param>
    /// <exception cref="BadInputException">A layer or tensor is missing: names the place in the configuration.</exception>
    public static IReadOnlyList<MergePart> Stack(MergeConfig config, MergeRecipe recipe, IReadOnlyList<Relative> models) =>
        new LayerStacking(config, models).Parts(recipe);

    /// <summary>What of it belongs to the recipe.</summary>
    public static JsonArray Describe(MergeConfig config) => new([.. config.Layout!.Select(slice => new JsonArray(
        [.. slice.All.Select(source => new JsonArray(source.Model, source.Start, source.End))]))]);

    private IReadOnlyList<MergePart> Parts(MergeRecipe recipe)
    {
        var slices = _config.Body.Slices.Zip(_config.Layout!, (slice, layout) => new StackedSlice(slice, layout.All));
        foreach (var module in slices.GroupBy(slice => slice.Slice.Module?.Name))
            StackModule([.. module]);
        Architecture architecture = new(_bySources.Values.SelectMany(tensors => tensors.Select(tensor => tensor.Name)));
        return [.. _bySources.Select(tensors => Part(
            recipe with { Architecture = architecture, Body = tensors.Key == Alone ? recipe.Body.Untouched : recipe.Body },
            tensors.Value))];
    }

    // The slices of one module, or all where there are none.
    private void StackModule(IReadOnlyList<StackedSlice> slices)
    {
        bool IsInModule(string tensor) =>
            slices[0].Slice.Module is not { } module || _config.Body.SlicesOf(tensor)[0].Module!.Name == module.Name;
        var reference = _models[slices[0].Sources[0].Model].Checkpoint;
        string[] names = [.. reference.Tensors.Select(tensor => tensor.Name).Where(IsInModule)];
        if (names.Length == 0)
            throw slices[0].Sources[0].At.Error(
                $"no tensor of {reference.Folder} is of the module `{slices[0].Slice.Module!.Name}`");
        if (slices[0].Slice.End is null)
        {
            foreach (var name in names)
                Add(name, slices[0], _ => name);
            return;
        }
        Dictionary<string, int> stacks = new Architecture(names).Stacks.ToDictionary();
        if (stacks.Count != 1)
            throw slices[0].Sources[0].At.Error(stacks.Count == 0 ? $"{reference.Folder} has no layers"
                : $"the model has several stacks of layers ({string.Join(", ", stacks.Keys)}); "
                    + "give each its own under `modules`");
        foreach (var name in names.Where(name => Architecture.Place(name).Stack is null))
            Add(name, Architecture.IsEmbedding(name) ? slices[0] : slices[^1], _ => name);
        var stack = stacks.Keys.Single();
        foreach (var slice in slices)
            StackSlice(slice, stack);
        StackedConfig.Adjust(_childConfig, stack, StackLength(_models[_config.Donor].Checkpoint, stack),
            [.. slices.Select(slice => slice.Sources[0])
                .SelectMany(source => Enumerable.Range(source.Start, source.End!.Value - source.Start)
                    .Select(layer => (_models[source.Model].Checkpoint.Config, layer)))], slices[0].Sources[0].At);
    }

    private void StackSlice(StackedSlice slice, string stack)
    {
        foreach (var source in slice.Sources)
        {
            var model = _models[source.Model].Checkpoint;
            var layers = StackLength(model, stack);
            if (source.End > layers)
                throw source.At.Error($"ends at layer {source.End}, but {model.Folder} has {layers} layers");
        }
        var first = slice.Sources[0];
        var byLayer = _models[first.Model].Checkpoint.Tensors.Select(tensor => Architecture.Place(tensor.Name))
            .Where(place => place.Stack == stack).ToLookup(place => place.Layer);
        for (var offset = 0; offset < first.End - first.Start; offset++)
        {
            foreach (var source in slice.Sources.Skip(1))
                RefuseMore(source, stack, source.Start + offset, [.. byLayer[first.Start + offset].Select(place => place.Rest)],
                    _models[first.Model].Checkpoint);
            foreach (var place in byLayer[first.Start + offset])
                Add($"{stack}.{slice.Slice.Start + offset}{place.Rest}", slice,
                    source => $"{stack}.{source.Start + offset}{place.Rest}");
        }
    }

    private void RefuseMore(LayerSource source, string stack, int layer, HashSet<string> rests, Checkpoint first)
    {
        var model = _models[source.Model].Checkpoint;
        if (model.Tensors.FirstOrDefault(tensor => Architecture.Place(tensor.Name) is var place
            && place.Stack == stack
            && place.Layer == layer
            && !rests.Contains(place.Rest)) is { } more)
            throw source.At.Error($"{model.Folder} has a tensor {more.Name}, but {first.Folder} has none like it; "
                + "sources of a slice must have the same tensors");
    }

    private static int StackLength(Checkpoint model, string stack) =>
        new Architecture(model.Tensors.Select(tensor => tensor.Name)).Stacks.GetValueOrDefault(stack);

    // A tensor of the child; what it is called in each source.
    private void Add(string name, StackedSlice slice, Func<LayerSource, string> nameIn)
    {
        var sources = slice.Sources;
        var key = slice.Slice.IsAlone ? Alone : sources.Count;
        if (!_bySources.TryGetValue(key, out var tensors))
            _bySources.Add(key, tensors = []);
        tensors.Add(new(name, [.. sources.Select(source =>
        {
            var wanted = nameIn(source);
            var model = _models[source.Model];
            return (model, model.Checkpoint.Find(wanted) ?? throw source.At.Error(
                $"{model.Checkpoint.Folder} has no tensor {wanted}, but {_models[sources[0].Model].Checkpoint.Folder} has it"));
        })]));
    }

    private MergePart Part(MergeRecipe recipe, IReadOnlyList<StackedTensor> tensors)
    {
        Relative[] views = [.. Enumerable.Range(0, tensors[0].Sources.Count).Select(source => View(tensors, source))];
        var origin = recipe.Body.HasOrigin ? views[^1] : null;
        Relative[] parents = origin is null ? views : views[..^1];
        return new(
            recipe with { Parents = [.. parents.Select(parent => parent.Digest)], Ancestor = origin?.Digest }, parents, origin);
    }

    private Relative View(IReadOnlyList<StackedTensor> tensors, int source)
    {
        var text = string.Concat(tensors.Select(
            tensor => $"{tensor.Name} {tensor.Sources[source].Model.Digest} {tensor.Sources[source].Tensor.Name}\n"));
        return new(Hashing.Sha256($"{source}\n{text}"), Checkpoint.Of(
            _models[_config.Donor].Checkpoint.Folder,
            _childConfig,
            tensors.Select(tensor => tensor.Sources[source].Tensor.As(tensor.Name))));
    }

    private sealed record StackedSlice(MergeSlice Slice, IReadOnlyList<LayerSource> Sources);

    private sealed record StackedTensor(string Name, IReadOnlyList<(Relative Model, Tensor Tensor)> Sources);
}
