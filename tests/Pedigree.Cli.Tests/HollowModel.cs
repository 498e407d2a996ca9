using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace Pedigree.Cli.Tests;

/// <summary>
/// Large models that are mostly holes: zeros that take no place on disk, but as much memory and time as any when they are read.
/// </summary>
internal static class HollowModel
{
    /// <param name="folder">Where to write it.</param>
    /// <param name="model">0 for the base, from 1 on its descendants.</param>
    /// <param name="tensors">Number of tensors.</param>
    /// <param name="rows">Rows of each.</param>
    /// <param name="columns">Columns of each; the elements are bf16.</param>
    public static void Write(string folder, int model, int tensors, long rows, int columns)
    {
        long bytes = rows * columns * 2;
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), """{"model_type": "llama"}""");
        JsonObject header = new(Enumerable.Range(0, tensors)
            .Select(i => KeyValuePair.Create($"model.layers.{i}.mlp.up_proj.weight", (JsonNode?)new JsonObject
            {
                ["dtype"] = "BF16",
                ["shape"] = new JsonArray(rows, columns),
                ["data_offsets"] = new JsonArray(i * bytes, (i + 1) * bytes),
            })));
        byte[] json = Encoding.UTF8.GetBytes(header.ToJsonString());
        byte[] number = new byte[8];
        using FileStream file = File.Create(Path.Combine(folder, "model.safetensors"));
        file.SetLength(8 + json.Length + (tensors * bytes));
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
