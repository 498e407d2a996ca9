using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Configuration;
using Pedigree.Weights.Kernels;
using Pedigree.Weights.Methods;

namespace Pedigree.Weights.Merging;

/// <summary>
/// How to merge, without what: the body of a mergekit configuration. Fits any parents the method takes, x₀ (SLERP's t = 0) first,
/// unless it has parameters by model: then exactly those.
/// </summary>
public sealed class MergeBody
{
    internal MergeBody(
        IMergeMethod method, bool hasOrigin, ConfigurationPlace at, IReadOnlyDictionary<string, ParameterValue> parameters,
        IReadOnlyList<MergeSlice> slices,
        DType? dType, DType? outDType)
    {
        Method = method;
        HasOrigin = hasOrigin;
        At = at;
        Parameters = parameters;
        Slices = slices;
        DType = dType;
        OutDType = outDType;
    }

    /// <summary>The method.</summary>
    public IMergeMethod Method { get; }

    /// <summary>
    /// Whether the parents' task vectors are merged, their differences from the recipe's ancestor, and not their weights.
    /// </summary>
    public bool HasOrigin { get; }

    /// <summary>Sources are rounded to this type before they are merged, and the result after; null: as they are.</summary>
    public DType? DType { get; }

    /// <summary>Type of the written tensors; null: <see cref="DType"/>, or else that of the first parent's tensor.</summary>
    public DType? OutDType { get; }

    internal ConfigurationPlace At { get; }

    internal string File => At.File;

    internal IReadOnlyDictionary<string, ParameterValue> Parameters { get; }

    internal IReadOnlyList<MergeSlice> Slices { get; }

    /// <summary>The body for layers that are taken as they are, but for their type.</summary>
    internal MergeBody Untouched =>
        new(new Passthrough(), false, At, new Dictionary<string, ParameterValue>(), [], DType, OutDType);

    /// <summary>The type in which a tensor of the type <paramref name="source"/> is written.</summary>
    internal DType Written(DType source) => source.IsMerged() ? OutDType ?? DType ?? source : source;

    /// <summary>The field of errors about the parameters that a tensor has.</summary>
    internal string ParametersFor(string tensor) => $"{At.Member("parameters")} for {tensor}";

    /// <summary>The slices of the part of the model that a tensor belongs to.</summary>
    internal IReadOnlyList<MergeSlice> SlicesOf(string tensor)
    {
        if (Slices is not [{ Module: not null }, ..])
            return Slices;
        var module = Slices.FirstOrDefault(slice => slice.Module!.Has(tensor))?.Module!.Name ?? MergeModule.Default;
        MergeSlice[] slices = [.. Slices.Where(slice => slice.Module!.Name == module)];
        return slices.Length > 0 ? slices : throw new BadInputException(File, "modules",
            $"has none with tensor {tensor}; add `{MergeModule.Default}` for all that no other module has");
    }

    /// <summary>
    /// Reads the <c>merge</c> of a run's spec: <c>method</c> (or <c>merge_method</c>), <c>parameters</c>, <c>dtype</c>,
    /// <c>out_dtype</c>. Task vectors begin at the run's base; where a method can do without,
    /// <c>base_model: base</c> asks for it.
    /// </summary>
    /// <exception cref="BadInputException">Unknown or misspelt keys, an unknown method, a value outside its meaning.</exception>
    public static MergeBody Parse(ConfigurationMapping mapping)
    {
        var method = MethodOf(mapping.Optional("method") ?? mapping.Optional("merge_method") ?? mapping.Required("method"));
        var origin = method.BaseModel == BaseModel.Origin;
        if (method.BaseModel is BaseModel.Origin or BaseModel.OptionalOrigin && mapping.Optional("base_model") is { } node)
            origin = node.AsString() == "base" ? true : throw node.Error("must be `base`, the base of the run");
        var parameters = ParametersOf(mapping, method, source: false);
        var body = new MergeBody(
            method, origin, mapping.At, parameters, [], DTypeOf(mapping, "dtype"), DTypeOf(mapping, "out_dtype"));
        mapping.RefuseUnknownKeys();
        body.RequireParameters(mapping);
        return body;
    }

    /// <summary>One fixed form, from which <see cref="MergeRecipe"/> takes its digest.</summary>
    public JsonObject ToJson()
    {
        JsonObject json = new()
        {
            ["merge_method"] = Method.Name,
            ["parameters"] = Json(Parameters),
            ["slices"] = new JsonArray([.. Slices.Select(Json)]),
            ["dtype"] = Name(DType),
            ["out_dtype"] = Name(OutDType),
        };
        if (Method.BaseModel == BaseModel.OptionalOrigin)
            json["origin"] = HasOrigin;
        return json;
    }

    /// <summary>mergekit's and torch's name of a type that is merged.</summary>
    public static string? Name(DType? dType) => dType switch
    {
        Checkpoints.DType.BF16 => "bfloat16",
        Checkpoints.DType.F16 => "float16",
        Checkpoints.DType.F32 => "float32",
        _ => null,
    };

    private static JsonObject Json(MergeSlice slice)
    {
        JsonObject json = new()
        {
            ["layers"] = slice.End is { } end ? new JsonArray(slice.Start, end) : null,
            ["parameters"] = Json(slice.Parameters),
            ["sources"] = new JsonArray([.. slice.Sources.Select(Json)]),
        };
        if (slice.Module is { } module)
            json["module"] = new JsonObject { ["name"] = module.Name, ["parameters"] = Json(module.Parameters) };
        return json;
    }

    internal static JsonObject Json(IReadOnlyDictionary<string, ParameterValue> parameters) =>
        new(parameters.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value.ToJson())));

    internal static IMergeMethod MethodOf(ConfigurationNode node)
    {
        var name = node.AsString();
        return MergeMethods.All.FirstOrDefault(method => method.Name == name)
            ?? throw node.Error($"there is no method `{name}`; "
                + (Nearest.To(name, MergeMethods.All.Select(method => method.Name)) is { } near
                    ? $"did you mean `{near}`?" : $"known: {string.Join(", ", MergeMethods.All.Select(method => method.Name))}"));
    }

    internal static DType? DTypeOf(ConfigurationMapping mapping, string key) => mapping.OptionalString(key) switch
    {
        null => null,
        "bfloat16" or "torch.bfloat16" => Checkpoints.DType.BF16,
        "float16" or "torch.float16" => Checkpoints.DType.F16,
        "float32" or "torch.float32" => Checkpoints.DType.F32,
        var other => throw mapping.Required(key).Error($"`{other}` is not a type to merge in; give bfloat16, float16 or float32"),
    };

    internal static IReadOnlyDictionary<string, ParameterValue> ParametersOf(
        ConfigurationMapping mapping, IMergeMethod method, bool source)
    {
        var values = new Dictionary<string, ParameterValue>(StringComparer.Ordinal);
        if (mapping.OptionalMapping("parameters") is not { } parameters)
            return values;
        foreach (var parameter in method.Parameters.Where(parameter => parameter.ByModel || !source))
            if (parameters.Optional(parameter.Name) is { } node)
                values.Add(parameter.Name, ParameterValue.Parse(node, parameter));
        parameters.RefuseUnknownKeys(key => method.Parameters.Any(parameter => parameter.Name == key)
            ? $"{method.Name} has one for all models: put it under the `parameters` of the whole"
            : null);
        return values;
    }

    internal void RequireParameters(ConfigurationMapping mapping)
    {
        foreach (var parameter in Method.Parameters.Where(parameter => parameter.Default is null && !IsGiven(parameter.Name)))
            throw mapping.Error($"{Method.Name} needs the parameter `{parameter.Name}`"
                + (parameter.ByModel ? ", for all models or for each" : "")
                + (Method.BaseModel == BaseModel.Merged && mapping.Optional("base_model") is not null
                    ? "; base_model is one of them"
                    : ""));
    }

    // For the whole model, or for each slice: by itself, by its module, or by all its sources.
    private bool IsGiven(string parameter) =>
        Parameters.ContainsKey(parameter)
        || (Slices.Count > 0 && Slices.All(slice => slice.IsAlone || slice.Parameters.ContainsKey(parameter)
            || slice.Module?.Parameters.ContainsKey(parameter) == true
            || (slice.Sources.Count > 0 && slice.Sources.All(source => source.ContainsKey(parameter)))));
}
