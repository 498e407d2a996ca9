using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace Pedigree.Cli.Tests;

public class MemoryLimitTests
{
    private const long Limit = 64 << 20;

    [Fact]
    public async Task Models_six_times_larger_than_the_memory_allowed_are_merged_and_measured()
    {
        using MemoryLimit? limit = MemoryLimit.TryCreate(Limit);
        Assert.SkipWhen(limit is null, "needs the right to make a control group that bounds memory");
        using Folder folder = new();
        for (int model = 0; model <= 4; model++)
            Write(folder[$"{model}"], model);

        File.WriteAllText(folder["slerp.yaml"], $$"""
            merge_method: slerp
            base_model: {{folder["1"]}}
            models:
              - model: {{folder["1"]}}
              - model: {{folder["2"]}}
            parameters: {t: 0.5}
            """);
        Said merged = await limit.RunAsync("merge", folder["slerp.yaml"], folder["child"], "--json");
        Assert.True(merged.ExitCode == 0, merged.Errors);
        Assert.True(new FileInfo(folder["child/model.safetensors"]).Length > 6 * Limit);

        Said measured = await limit.RunAsync("kinship", folder["0"], folder["1"], folder["2"], folder["3"], folder["4"], "--json");
        Assert.True(measured.ExitCode == 0, measured.Errors);
        JsonArray pearson = measured.Json["pearson"]!.AsArray();
        Assert.Equal(4, pearson.Count);
        Assert.InRange((double)pearson[0]![1]!, 0.01, 0.99);
    }

    /// <summary>Mostly holes: a model whose zeros take no place on disk, but as much memory as any when they are read.</summary>
    private static void Write(string folder, int model)
    {
        const int Columns = 4096, Tensors = 8;
        const long Rows = (6 * Limit / (Columns * 2 * Tensors)) + 1, Bytes = Rows * Columns * 2;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"model_type": "llama"}""");
        JsonObject header = new(Enumerable.Range(0, Tensors).Select(i => KeyValuePair.Create($"model.layers.{i}.mlp.up_proj.weight", (JsonNode?)new JsonObject
        {
            ["dtype"] = "BF16",
            ["shape"] = new JsonArray(Rows, Columns),
            ["data_offsets"] = new JsonArray(i * Bytes, (i + 1) * Bytes),
        })));
        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        byte[] number = new byte[8];
        using FileStream file = File.Create(Path.Combine(folder, "model.safetensors"));
        file.SetLength(8 + json.Length + (Tensors * Bytes));
        BinaryPrimitives.WriteInt64LittleEndian(number, json.Length);
        file.Write(number);
        file.Write(json);
        // What all have in common, and what only one has.
        Random common = new(0), own = new(model);
        for (long at = file.Position; at < file.Length; at += 1 << 20)
        {
            file.Position = at;
            BinaryPrimitives.WriteSingleLittleEndian(number, model == 0 ? 0 : (float)(common.NextDouble() + own.NextDouble()));
            file.Write(number, 2, 2);
        }
    }
}
