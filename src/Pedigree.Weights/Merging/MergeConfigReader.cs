using Pedigree.Weights.Configuration;
using Pedigree.Weights.Methods;

namespace Pedigree.Weights.Merging;

/// <summary>Reads one document of mergekit's language: every key known, every value in its meaning.</summary>
internal sealed class MergeConfigReader(ConfigurationMapping root)
{
    private readonly IMergeMethod _method = MergeBody.MethodOf(root.Required("merge_method"));
    private readonly List<string> _models = [];
    private readonly List<ConfigurationPlace> _places = [];
    private readonly List<MergeSlice> _slices = [];
    private readonly List<SliceSources> _layout = [];

    private readonly ConfigurationNode? _base = root.Optional("base_model") ?? BaseOfSlices(root);

    /// <exception cref="BadInputException">Names file, line, column and key.</exception>
    public MergeConfig Read()
    {
        var parameters = MergeBody.ParametersOf(root, _method, source: false);
        var (dType, outDType) = (MergeBody.DTypeOf(root, "dtype"), MergeBody.DTypeOf(root, "out_dtype"));
        if (_base is null && _method.BaseModel is BaseModel.First or BaseModel.Origin)
            root.Required("base_model");
        if (_method.BaseModel == BaseModel.First)
            Index(_base!);
        ReadSources();
        var (tokenizer, template) = (TokenizerReader.Read(root, Known), TokenizerReader.ChatTemplate(root));
        var (name, seed) = (root.OptionalString("name"), root.OptionalInteger("random_seed"));
        root.RefuseUnknownKeys(Misplaced, free: "x-");
        if (HasOrigin)
        {
            var at = Index(_base!);
            int Moved(int model) => model < at ? model : model == at ? _models.Count - 1 : model - 1;
            MoveLayout(Moved);
            tokenizer = tokenizer is null ? null : tokenizer with
            {
                Tokens =
                    [.. tokenizer.Tokens.Select(token => token with { Model = token.Model is { } model ? Moved(model) : null })],
            };
            MoveLast(_models, at);
            MoveLast(_places, at);
        }
        var body = new MergeBody(_method, HasOrigin, root.At, parameters, _slices, dType, outDType);
        body.RequireParameters(root);
        return new(body, HasOrigin ? _models[..^1] : _models, HasOrigin ? _models[^1] : null)
        {
            Places = _places,
            // Also where the base has no other meaning, it lends its config and small files.
            Base = _base is null ? null : Index(_base),
            Name = name,
            Seed = seed,
            Tokenizer = tokenizer,
            ChatTemplate = template,
            // Passthrough has one model, and the base, if it is another, lends its small files alone.
            Layout = _slices is [{ End: null, Module: null }] && _layout[0].All.Count == _models.Count ? null : _layout,
        };
    }

    // Where every slice has its own, of every module, none need stand at the top.
    private static ConfigurationNode? BaseOfSlices(ConfigurationMapping root)
    {
        var parts = root.Optional("modules") is ConfigurationMapping modules
            ? modules.Members.Select(module => module.Value as ConfigurationMapping)
            : [root];
        ConfigurationNode?[] bases = [.. parts.SelectMany(part => part?.Optional("slices") is ConfigurationSequence slices
            ? slices.Items.Select(slice => (slice as ConfigurationMapping)?.Optional("base_model")) : [null])];
        return bases.Contains(null) ? null : bases.FirstOrDefault();
    }

    private string? Misplaced(string key) => Has(_method, key) ? "it is a parameter: put it under `parameters`"
        : MergeMethods.All.Any(other => Has(other, key)) ? $"{_method.Name} has no such parameter: leave it out" : null;

    private static bool Has(IMergeMethod method, string parameter) => method.Parameters.Any(own => own.Name == parameter);

    private bool HasOrigin => _base is not null && _method.BaseModel is BaseModel.Origin or BaseModel.OptionalOrigin;

    private void ReadSources()
    {
        var (models, slices, modules) = (root.Optional("models"), root.Optional("slices"), root.Optional("modules"));
        if (new[] { models, slices, modules }.Count(node => node is not null) != 1)
            throw (slices ?? modules ?? (ConfigurationNode)root).Error("give either `models`, `slices` or `modules`");
        if (modules is null)
        {
            Read(models, slices, null);
            return;
        }
        if (modules.AsMapping().Members.Count == 0)
            throw modules.Error("must name at least one module");
        foreach (var (name, node) in modules.AsMapping().Members)
        {
            var mapping = node.AsMapping();
            var module = new MergeModule(name, MergeBody.ParametersOf(mapping, _method, source: false));
            var (ofModels, ofSlices) = (mapping.Optional("models"), mapping.Optional("slices"));
            if ((ofModels is null) == (ofSlices is null))
                throw mapping.Error("give either `models` or `slices`");
            mapping.RefuseUnknownKeys();
            Read(ofModels, ofSlices, module);
        }
    }

    private void Read(ConfigurationNode? models, ConfigurationNode? slices, MergeModule? module)
    {
        if (models is not null)
            ReadModels(models.AsSequence(), module);
        else
            ReadSlices(slices!.AsSequence(), module);
    }

    private void ReadModels(ConfigurationSequence list, MergeModule? module)
    {
        List<Source> sources = [];
        foreach (var item in list.Items)
        {
            var model = item.AsMapping();
            var index = Index(model.Required("model"));
            if (sources.Any(source => source.Layers.Model == index))
                throw item.Error($"`{_models[index]}` is listed twice; a model may be listed once");
            sources.Add(
                new(new(index, 0, null, model.Required("model").At), MergeBody.ParametersOf(model, _method, source: true)));
            model.RefuseUnknownKeys(Misplaced);
        }
        Add(list, sources, _base, new Dictionary<string, ParameterValue>(), 0, null, module);
    }

    private void ReadSlices(ConfigurationSequence list, MergeModule? module)
    {
        if (list.Items.Count == 0)
            throw list.Error("must list at least one slice");
        var start = 0;
        foreach (var item in list.Items)
        {
            var slice = item.AsMapping();
            List<Source> sources = [];
            var length = 0;
            foreach (var sourceItem in slice.RequiredSequence("sources"))
            {
                var source = sourceItem.AsMapping();
                var range = source.Required("layer_range");
                var layers = LayerRange(range);
                if (sources.Count > 0 && layers.End - layers.Start != length)
                    throw range.Error($"has {layers.End - layers.Start} layers, but the first source of the slice {length}; "
                        + "all must have the same number");
                length = layers.End - layers.Start;
                sources.Add(new(new(Index(source.Required("model")), layers.Start, layers.End, range.At),
                    MergeBody.ParametersOf(source, _method, source: true)));
                source.RefuseUnknownKeys(Misplaced);
            }
            Add(slice, sources, slice.Optional("base_model") ?? _base,
                MergeBody.ParametersOf(slice, _method, source: false), start, start += length, module);
            if (slice.Optional("residual_weight") is { } residual)
                throw residual.Error("has no effect in mergekit either, which reads it and does not use it; leave it out");
            slice.RefuseUnknownKeys(Misplaced);
        }
    }

    private void Add(
        ConfigurationNode node, List<Source> sources, ConfigurationNode? baseModel,
        IReadOnlyDictionary<string, ParameterValue> parameters,
        int start, int? end, MergeModule? module)
    {
        // As in mergekit, layers of one model alone are taken as they are by methods that merge it with another.
        var isAlone = end is not null && sources is [var only]
            && (_method.BaseModel == BaseModel.Origin ? only.Layers.Model == Index(baseModel!) : _method.Models is (2, 2));
        var origin = baseModel is null || isAlone ? null : Place(baseModel, sources, end is null);
        if (!isAlone && sources.Count < _method.Models.Fewest || sources.Count > _method.Models.Most)
        {
            var (fewest, most) = _method.Models;
            throw node.Error($"{_method.Name} takes {(most == fewest ? $"exactly {most}" : $"at least {fewest}")} models"
                + (origin is null ? "" : " without the base model") + $", not {sources.Count}");
        }
        _slices.Add(new(start, end, parameters, [.. sources.Select(source => source.Parameters)])
        {
            Module = module,
            Starts = [.. sources.Select(source => source.Layers.Start)],
            IsAlone = isAlone,
        });
        _layout.Add(new([.. sources.Select(source => source.Layers)], origin));
    }

    /// <summary>
    /// Puts the base model where the method wants it and returns the origin. As in mergekit, it need not be listed.
    /// </summary>
    private LayerSource? Place(ConfigurationNode node, List<Source> sources, bool whole)
    {
        if (_method.BaseModel == BaseModel.OptionalOrigin && !HasOrigin)
            throw node.Error("is that of some slices only; give one at the top, or for every slice, or for none");
        var model = Index(node);
        var own = sources.Find(source => source.Layers.Model == model);
        if (own is null && (whole || HasOrigin))
        {
            if (sources.Any(
                source => (source.Layers.Start, source.Layers.End) != (sources[0].Layers.Start, sources[0].Layers.End)))
                throw node.Error(
                    "is not among the sources of a slice whose layers differ; list it there with a layer_range of its own");
            own = new((sources.FirstOrDefault()?.Layers ?? new(model, 0, null, node.At)) with { Model = model, At = node.At },
                new Dictionary<string, ParameterValue>());
        }
        var isFull = sources.Count >= _method.Models.Most;
        switch (_method.BaseModel)
        {
            case BaseModel.First:
                if (own is null || !sources.Remove(own) && isFull)
                    throw node.Error("must be one of the models: "
                        + $"{string.Join(", ", sources.Select(source => $"`{_models[source.Layers.Model]}`"))}");
                sources.Insert(0, own);
                return null;
            case BaseModel.Merged:
                if (own is not null && !sources.Contains(own) && !isFull)
                    sources.Add(own);
                return null;
            default:
                sources.Remove(own!);
                return own!.Layers;
        }
    }

    private void MoveLayout(Func<int, int> moved)
    {
        LayerSource Move(LayerSource source) => source with { Model = moved(source.Model) };
        for (var i = 0; i < _layout.Count; i++)
            _layout[i] = new([.. _layout[i].Sources.Select(Move)], _layout[i].Origin is { } origin ? Move(origin) : null);
    }

    private static void MoveLast<T>(List<T> list, int at)
    {
        var item = list[at];
        list.RemoveAt(at);
        list.Add(item);
    }

    private int? Known(string model) => _models.IndexOf(model) is >= 0 and var index ? index : null;

    private int Index(ConfigurationNode node)
    {
        var name = ModelName.Of(node);
        if (_models.IndexOf(name) is >= 0 and var known)
            return known;
        _models.Add(name);
        _places.Add(node.At);
        return _models.Count - 1;
    }

    private static (int Start, int End) LayerRange(ConfigurationNode node)
    {
        var items = node.AsSequence().Items;
        if (items.Count == 2
            && items[0].AsInteger() is >= 0 and var start
            && items[1].AsInteger() is < int.MaxValue and var end
            && end > start)
            return ((int)start, (int)end);
        throw node.Error("must be two whole numbers, the first layer and the one after the last, such as [0, 32]");
    }

    private sealed record Source(LayerSource Layers, IReadOnlyDictionary<string, ParameterValue> Parameters);
}
