using Pedigree.Weights.Configuration;
using Pedigree.Weights.Methods;

namespace Pedigree.Weights.Merging;

/// <summary>A mergekit configuration file: how to merge, and what.</summary>
/// <param name="Body">How.</param>
/// <param name="Models">The models as written, x₀ first, without the origin.</param>
/// <param name="Origin">The model that the others' task vectors begin at, where the body has an origin.</param>
public sealed record MergeConfig(MergeBody Body, IReadOnlyList<string> Models, string? Origin)
{
    private static readonly IReadOnlyDictionary<string, ParameterValue> NoParameters = new Dictionary<string, ParameterValue>();

    private static readonly string[] NotYet = ["tokenizer_source", "tokenizer", "chat_template", "modules"];

    /// <summary>Reads a file; relative paths of models remain as written.</summary>
    /// <exception cref="BadInputException">Names file, line, column and key.</exception>
    public static MergeConfig Read(string path) => Parse(ConfigurationReader.ReadFile(path));

    /// <summary>Reads a text; errors call it <paramref name="file"/>.</summary>
    /// <exception cref="BadInputException">Names file, line, column and key.</exception>
    public static MergeConfig Parse(string file, string text) => Parse(ConfigurationReader.Parse(file, text));

    private static MergeConfig Parse(ConfigurationMapping mapping)
    {
        foreach (var key in NotYet)
            if (mapping.Optional(key) is { } node)
                throw node.Error($"`{key}` is not supported yet; remove it: tokenizer and chat template are taken from the first model");
        var method = MergeBody.MethodOf(mapping.Required("merge_method"));
        var baseModel = mapping.OptionalString("base_model");
        var parameters = MergeBody.ParametersOf(mapping, method, source: false);
        var models = mapping.Optional("models");
        var slices = mapping.Optional("slices");
        var dType = MergeBody.DTypeOf(mapping, "dtype");
        var outDType = MergeBody.DTypeOf(mapping, "out_dtype");
        mapping.RefuseUnknownKeys();
        if ((models is null) == (slices is null))
            throw (slices ?? mapping).Error("give either `models` or `slices`");
        var (names, sliceList) = models is not null ? OfModels(models.AsSequence(), method) : OfSlices(slices!.AsSequence(), method);
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw (models ?? slices!).Error($"`{twice.Key}` is listed twice; a model may be listed once");
        if (baseModel is null && method.BaseModel is BaseModel.First or BaseModel.Origin)
            mapping.Required("base_model");
        var origin = method.BaseModel is BaseModel.Origin or BaseModel.OptionalOrigin ? baseModel : null;
        if (baseModel is not null)
            (names, sliceList) = Placed(mapping.Required("base_model"), baseModel, method, names, sliceList);
        if (names.Count < method.Models.Fewest || names.Count > method.Models.Most)
            throw (models ?? slices!).Error($"{method.Name} takes {(method.Models.Most == method.Models.Fewest ? $"exactly {method.Models.Most}" : $"at least {method.Models.Fewest}")} models"
                + (origin is null ? "" : " without the base model") + $", not {names.Count}");
        var body = new MergeBody(method, origin is not null, mapping.At.File, parameters, sliceList, dType, outDType);
        body.RequireParameters(mapping);
        return new(body, names, origin);
    }

    private static (List<string>, List<MergeSlice>) OfModels(ConfigurationSequence models, IMergeMethod method)
    {
        var names = new List<string>();
        var sources = new List<IReadOnlyDictionary<string, ParameterValue>>();
        foreach (var item in models.Items)
        {
            var model = item.AsMapping();
            names.Add(model.RequiredString("model"));
            sources.Add(MergeBody.ParametersOf(model, method, source: true));
            model.RefuseUnknownKeys();
        }
        return (names, [new(0, null, new Dictionary<string, ParameterValue>(), sources)]);
    }

    private static (List<string>, List<MergeSlice>) OfSlices(ConfigurationSequence list, IMergeMethod method)
    {
        List<string>? names = null;
        var slices = new List<MergeSlice>();
        foreach (var item in list.Items)
        {
            var slice = item.AsMapping();
            var sliceNames = new List<string>();
            var sources = new List<IReadOnlyDictionary<string, ParameterValue>>();
            (int Start, int End)? range = null;
            foreach (var sourceItem in slice.RequiredSequence("sources"))
            {
                var source = sourceItem.AsMapping();
                sliceNames.Add(source.RequiredString("model"));
                var rangeNode = source.Required("layer_range");
                var layers = LayerRange(rangeNode);
                if (layers.Start != (slices.Count == 0 ? 0 : slices[^1].End) || (range ?? layers) != layers)
                    throw rangeNode.Error("stacking layers is not supported yet: slices must cover the layers in order from 0, and their sources the same layers");
                range = layers;
                sources.Add(MergeBody.ParametersOf(source, method, source: true));
                source.RefuseUnknownKeys();
            }
            if (range is null)
                throw slice.Error("`sources` must list at least one model");
            if (names is not null && !names.SequenceEqual(sliceNames))
                throw slice.Error("every slice must list the same models in the same order");
            names = sliceNames;
            slices.Add(new(range.Value.Start, range.Value.End, MergeBody.ParametersOf(slice, method, source: false), sources));
            slice.RefuseUnknownKeys();
        }
        return (names ?? throw list.Error("must list at least one slice"), slices);
    }

    private static (int Start, int End) LayerRange(ConfigurationNode node)
    {
        var items = node.AsSequence().Items;
        if (items.Count == 2 && items[0].AsInteger() is >= 0 and var start && items[1].AsInteger() is < int.MaxValue and var end && end > start)
            return ((int)start, (int)end);
        throw node.Error("must be two whole numbers, the first layer and the one after the last, such as [0, 32]");
    }

    /// <summary>Puts the base model where the method wants it; as in mergekit, it need not be listed.</summary>
    private static (List<string>, List<MergeSlice>) Placed(
        ConfigurationNode node, string baseModel, IMergeMethod method, List<string> names, List<MergeSlice> slices)
    {
        var at = names.IndexOf(baseModel);
        if (at < 0 && method.BaseModel == BaseModel.First && names.Count >= method.Models.Most)
            throw node.Error($"must be one of the models: {string.Join(", ", names.Select(name => $"`{name}`"))}");
        List<T> Moved<T>(IReadOnlyList<T> list, T absent)
        {
            T[] own = [at < 0 ? absent : list[at]];
            T[] others = [.. list.Where((_, i) => i != at)];
            return method.BaseModel switch
            {
                BaseModel.First => [.. own, .. others],
                BaseModel.Merged => at < 0 ? [.. others, .. own] : [.. list],
                _ => [.. others],
            };
        }
        return (Moved(names, baseModel), [.. slices.Select(slice => slice with { Sources = Moved(slice.Sources, NoParameters) })]);
    }
}
