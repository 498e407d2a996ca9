using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Pedigree.Evaluation.Family;

/// <summary>The family's files: checkpoints in the Hugging Face layout, tasks with the harness's field names, a spec.</summary>
internal static class FamilyFiles
{
    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void WriteCheckpoint(string folder, JsonObject config, IReadOnlyDictionary<string, Parameter> weights)
    {
        Directory.CreateDirectory(folder);
        WriteJson(folder, "config.json", config);
        WriteJson(folder, "generation_config.json", new() { ["do_sample"] = false, ["eos_token_id"] = 0 });
        foreach (var (name, content) in Characters.Files())
            WriteJson(folder, name, content);

        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        var data = new MemoryStream();
        foreach (var (name, weight) in weights.OrderBy(weight => weight.Key, StringComparer.Ordinal))
        {
            using var rounded = weight.detach().to(bfloat16);
            var start = data.Length;
            data.Write(rounded.bytes);
            header[name] = new JsonObject
            {
                ["dtype"] = "BF16",
                ["shape"] = new JsonArray([.. weight.shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(start, data.Length),
            };
        }
        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        var padded = (text.Length + 7) / 8 * 8;
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, padded);
        File.WriteAllBytes(Path.Combine(folder, "model.safetensors"),
            [.. length, .. text, .. Enumerable.Repeat((byte)' ', padded - text.Length), .. data.ToArray()]);
    }

    public static void WriteTasks(string folder, IReadOnlyList<string> words)
    {
        Directory.CreateDirectory(folder);
        foreach (var skill in Skill.All)
        {
            WriteText(folder, $"{skill.Name}.yaml", $$$"""
                task: {{{skill.Name}}}
                dataset_path: json
                dataset_kwargs:
                  data_files:
                    test: {{{skill.Name}}}.jsonl
                test_split: test
                output_type: generate_until
                doc_to_text: "{{question}}"
                doc_to_target: "{{answer}}"
                target_delimiter: ""
                generation_kwargs:
                  until: ["\n"]
                  max_gen_toks: 12
                  do_sample: false
                metric_list:
                  - metric: exact_match
                    aggregation: mean
                    higher_is_better: true

                """);
            WriteText(folder, $"{skill.Name}.jsonl", string.Concat(words.Select(word => new JsonObject
            {
                ["question"] = skill.Question(word),
                ["answer"] = skill.Answer(word),
            }.ToJsonString() + "\n")));
        }
    }

    public static void WriteSpec(string folder) => WriteText(folder, "evolve.yaml", $"""
        base: base
        models:
        {string.Join("\n", Skill.All.Select(skill => $"  {skill.Name}: {skill.Name}"))}
        tasks:
        {string.Join("\n", Skill.All.Select(skill => $"  - task: tasks/{skill.Name}.yaml"))}
        merge:
          method: slerp
          parameters:
            t: 0.5
          dtype: bfloat16
        strategy:
          name: kinship
          k: 3

        """);

    private static void WriteJson(string folder, string name, JsonObject content) =>
        WriteText(folder, name, content.ToJsonString(Indented) + "\n");

    private static void WriteText(string folder, string name, string text) =>
        File.WriteAllText(Path.Combine(folder, name), text.ReplaceLineEndings("\n"));
}
