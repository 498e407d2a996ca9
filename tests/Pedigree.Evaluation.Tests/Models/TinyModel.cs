using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Models;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Evaluation.Tests.Models;

/// <summary>A checkpoint in a temporary folder, with the weights of golden/make_golden.py.</summary>
internal sealed class TinyModel : IDisposable
{
    private readonly SortedDictionary<string, (long[] Shape, byte[] Data)> _tensors = new(StringComparer.Ordinal);

    public TinyModel(JsonObject config)
    {
        Config = config;
        foreach (var tensor in WeightLayout.Of(ConfigReader.Read(config, "config.json")))
            Set(tensor.Name, tensor.Shape);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("pedigree-").FullName;

    public JsonObject Config { get; }

    public void Set(string name, params long[] shape)
    {
        var data = new byte[4 * shape.Aggregate(1L, (product, size) => product * size)];
        for (var i = 0; i < data.Length / 4; i++)
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(4 * i), Value(name, i));
        _tensors[name] = (shape, data);
    }

    /// <summary>Overwrites one weight.</summary>
    public void Spoil(string name, int element, float value) =>
        BinaryPrimitives.WriteSingleLittleEndian(_tensors[name].Data.AsSpan(4 * element), value);

    public void Remove(string name) => _tensors.Remove(name);

    public LanguageModel Load()
    {
        var header = new JsonObject();
        var start = 0;
        foreach (var (name, (shape, data)) in _tensors)
        {
            header[name] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = new JsonArray([.. shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(start, start + data.Length),
            };
            start += data.Length;
        }
        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        text = [.. text, .. Enumerable.Repeat((byte)' ', (8 - text.Length % 8) % 8)];
        File.WriteAllBytes(Path.Combine(Folder, "model.safetensors"),
            [.. BitConverter.GetBytes((long)text.Length), .. text, .. _tensors.Values.SelectMany(tensor => tensor.Data)]);
        File.WriteAllText(Path.Combine(Folder, "config.json"), Config.ToJsonString());
        using var checkpoint = Checkpoint.Open(Folder);
        return LanguageModel.Load(checkpoint, "cpu");
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static float Value(string name, int index)
    {
        // A decoder within a larger model has the weights that it would have alone.
        name = name.Replace("language_model.", "", StringComparison.Ordinal);
        var hash = 2166136261u;
        foreach (var code in Encoding.UTF8.GetBytes($"{name}/{index}"))
            hash = (hash ^ code) * 16777619u;
        hash = (hash ^ (hash >> 16)) * 0x85EBCA6Bu;
        hash ^= hash >> 13;
        var value = (hash & 0xFFFF) / 65536f - 0.5f;
        return name.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 + value / 2
            : name.StartsWith("model.layers", StringComparison.Ordinal) ? value / 2
            : value;
    }
}
