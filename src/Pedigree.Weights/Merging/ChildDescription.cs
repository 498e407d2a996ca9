using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Methods;

namespace Pedigree.Weights.Merging;

/// <summary>The small files beside a child's weights: config and tokenizer of the first parent, the recipe, a card.</summary>
internal static class ChildDescription
{
    private const string Warnings = "warnings", Seal = "sha256";

    private static readonly string[] Keys = ["digest", "recipe", Lineage.Key, Warnings, "files"];

    public static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>
    /// Adds them to what is written, seals it and looks at it: at its files, unless its tensors are read otherwise.
    /// </summary>
    public static void Write(
        CheckpointWriter writer,
        MergeRecipe recipe,
        SmallFiles small,
        IReadOnlyList<TensorMerge> tensors,
        TensorReader? child = null)
    {
        WriteSmall(writer, recipe, small);
        var files = new SortedDictionary<string, string>(
            writer.Seal().Files.ToDictionary(file => file.Name, file => file.Sha256), StringComparer.Ordinal);
        var warnings = child is null ? ResultCheck.Warnings(tensors, writer.Finished) : ResultCheck.Warnings(tensors, child);
        foreach (var (name, text) in new[]
        {
            ("mergekit_config.yml", small.Configuration ?? Configuration(recipe, small.Labels)),
            ("README.md", ModelCard.Of(recipe, small, warnings)),
        })
        {
            writer.AddFile(name, Text(text));
            files.Add(name, Hashing.Sha256(Text(text)));
        }
        writer.AddFile(MergeRecipe.FileName, Sealed(new()
        {
            ["digest"] = recipe.Digest,
            ["recipe"] = recipe.ToJson(),
            [Lineage.Key] = small.Lineage.ToJson(),
            [Warnings] = new JsonArray([.. warnings.Select(warning => JsonValue.Create(warning))]),
            ["files"] = new JsonObject(files.Select(file => KeyValuePair.Create(file.Key, (JsonNode?)file.Value))),
        }));
    }

    /// <summary>Adds what a model is opened with: config and tokenizer.</summary>
    public static void WriteSmall(CheckpointWriter writer, MergeRecipe recipe, SmallFiles small)
    {
        writer.AddFile(
            CheckpointFiles.Config, Text(Config(small.Config, recipe.Body.OutDType ?? recipe.Body.DType).ToJsonString(Indented)));
        small.Write(writer);
    }

    /// <summary>
    /// Whether a recipe.json is as it was written. Those of earlier versions were not sealed: of them only the keys are known,
    /// and recipe and files have digests of their own.
    /// </summary>
    public static bool IsAsWritten(byte[] file, JsonObject root)
    {
        var content = (JsonObject)root.DeepClone();
        return content.Remove(Seal)
            ? file.AsSpan().SequenceEqual(Sealed(content))
            : content.All(member => Keys.Contains(member.Key));
    }

    /// <summary>What was noticed when the child was made.</summary>
    public static IReadOnlyList<string> WarningsOf(string folder) =>
        CheckpointFiles.ReadObject(
            Path.Combine(folder, MergeRecipe.FileName), MergeVerification.MaxLength)[Warnings] is JsonArray warnings
            ? [.. warnings.Select(warning => $"{warning}")] : [];

    private static byte[] Sealed(JsonObject content)
    {
        content[Seal] = Hashing.Sha256(content.ToJsonString());
        return Text(content.ToJsonString(Indented));
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text.TrimEnd('\n') + "\n");

    private static JsonObject Config(JsonObject parent, Checkpoints.DType? dType)
    {
        var config = (JsonObject)parent.DeepClone();
        // Newer transformers write `dtype`, older ones `torch_dtype`.
        if (MergeBody.Name(dType) is { } name)
            config[config.ContainsKey("dtype") ? "dtype" : "torch_dtype"] = name;
        return config;
    }

    /// <summary>A configuration that mergekit reads too; values are written as JSON, which YAML contains.</summary>
    private static string Configuration(MergeRecipe recipe, IReadOnlyList<string> labels)
    {
        var body = recipe.Body;
        var text = new StringBuilder($"# {recipe.Digest}\nmerge_method: {body.Method.Name}\n");
        static string Quoted(string value) => JsonValue.Create(value).ToJsonString();
        if (body.HasOrigin || body.Method.BaseModel == BaseModel.First)
            text.Append($"base_model: {Quoted(labels[body.HasOrigin ? ^1 : 0])}\n");
        var models = recipe.Parents.Count;
        string Source(int slice, int model, string range)
        {
            var own = slice < body.Slices.Count && model < body.Slices[slice].Sources.Count
                ? body.Slices[slice].Sources[model]
                : null;
            var parameters = own is { Count: > 0 } ? $", parameters: {MergeBody.Json(own).ToJsonString()}" : "";
            return $"- {{model: {Quoted(labels[model])}{range}{parameters}}}\n";
        }
        if (body.Slices is [{ End: not null }, ..])
        {
            text.Append("slices:\n");
            for (var i = 0; i < body.Slices.Count; i++)
            {
                text.Append("  - sources:\n");
                for (var model = 0; model < models; model++)
                    text.Append($"      {Source(i, model, $", layer_range: [{body.Slices[i].Start}, {body.Slices[i].End}]")}");
                if (body.Slices[i].Parameters.Count > 0)
                    text.Append($"    parameters: {MergeBody.Json(body.Slices[i].Parameters).ToJsonString()}\n");
            }
        }
        else
        {
            text.Append("models:\n");
            for (var model = 0; model < models; model++)
                text.Append($"  {Source(0, model, "")}");
        }
        if (body.Parameters.Count > 0)
            text.Append($"parameters: {MergeBody.Json(body.Parameters).ToJsonString()}\n");
        if (body.DType is not null)
            text.Append($"dtype: {MergeBody.Name(body.DType)}\n");
        if (body.OutDType is not null)
            text.Append($"out_dtype: {MergeBody.Name(body.OutDType)}\n");
        return text.ToString();
    }
}
