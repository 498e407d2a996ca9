using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Pedigree.Evolution;

/// <summary>Events as CloudEvents <c>type</c> and <c>data</c>, and back.</summary>
public static class EventJson
{
    private static readonly Dictionary<string, Type> Types = new()
    {
        ["pedigree.run.started"] = typeof(RunStarted),
        ["pedigree.model.admitted"] = typeof(ModelAdmitted),
        ["pedigree.model.evaluated"] = typeof(ModelEvaluated),
        ["pedigree.models.compared"] = typeof(ModelsCompared),
        ["pedigree.kinship.measured"] = typeof(KinshipMeasured),
        ["pedigree.parents.selected"] = typeof(ParentsSelected),
        ["pedigree.merge.completed"] = typeof(MergeCompleted),
        ["pedigree.generation.completed"] = typeof(GenerationCompleted),
        ["pedigree.work.failed"] = typeof(WorkFailed),
        ["pedigree.run.suspended"] = typeof(RunSuspended),
        ["pedigree.run.resumed"] = typeof(RunResumed),
        ["pedigree.run.completed"] = typeof(RunCompleted),
    };

    private static readonly Dictionary<Type, string> Names = Types.ToDictionary(pair => pair.Value, pair => pair.Key);

    /// <summary>Camel case, enums as lower-case words, unknown members refused.</summary>
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = false,
    };

    /// <summary>The CloudEvents type of an event.</summary>
    public static string TypeOf(RunEvent runEvent) => Names[runEvent.GetType()];

    /// <summary>The event's data.</summary>
    public static JsonNode ToJson(RunEvent runEvent) =>
        JsonSerializer.SerializeToNode(runEvent, runEvent.GetType(), Options)!;

    /// <summary>The event of that type and data.</summary>
    /// <exception cref="JsonException">An unknown type, or data that does not fit it.</exception>
    public static RunEvent FromJson(string type, JsonNode data) =>
        Types.TryGetValue(type, out Type? target)
            ? (RunEvent)(data.Deserialize(target, Options) ?? throw new JsonException("data is null"))
            : throw new JsonException($"unknown event type {type}");

    /// <summary>Whether two events say the same.</summary>
    public static bool Same(RunEvent left, RunEvent right) =>
        left.GetType() == right.GetType() && JsonNode.DeepEquals(ToJson(left), ToJson(right));
}
