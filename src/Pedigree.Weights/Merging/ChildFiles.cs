using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Weights.Merging;

/// <summary>The safetensors files of a child, open for writing at any place: one, or shards with an index.</summary>
internal sealed class ChildFiles : IDisposable
{
    // What most models on the Hub use.
    private const long ShardBytes = 5_000_000_000;

    private readonly List<SafeFileHandle> _handles = [];
    private readonly Dictionary<string, (SafeFileHandle Handle, long Start)> _places = new(StringComparer.Ordinal);

    public ChildFiles(string folder, IReadOnlyList<TensorMerge> tensors)
    {
        var shards = Shards(tensors);
        var index = new JsonObject();
        for (var i = 0; i < shards.Count; i++)
        {
            var name = shards.Count == 1 ? "model.safetensors"
                : string.Create(CultureInfo.InvariantCulture, $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors");
            var handle = File.OpenHandle(Path.Combine(folder, name), FileMode.CreateNew, FileAccess.Write, FileShare.None);
            _handles.Add(handle);
            var header = Header(shards[i]);
            RandomAccess.Write(handle, header, 0);
            long start = header.Length;
            foreach (var tensor in shards[i])
            {
                _places.Add(tensor.Name, (handle, start));
                index[tensor.Name] = name;
                start += tensor.ByteLength;
            }
        }
        if (shards.Count > 1)
            File.WriteAllText(Path.Combine(folder, "model.safetensors.index.json"), new JsonObject
            {
                ["metadata"] = new JsonObject { ["total_size"] = tensors.Sum(tensor => tensor.ByteLength) },
                ["weight_map"] = index,
            }.ToJsonString(ChildDescription.Indented) + "\n");
    }

    /// <summary>Writes bytes of a tensor from its byte <paramref name="at"/>; any thread, any order.</summary>
    public void Write(string tensor, long at, ReadOnlySpan<byte> bytes)
    {
        var (handle, start) = _places[tensor];
        RandomAccess.Write(handle, bytes, start + at);
    }

    /// <summary>Brings everything to the disk.</summary>
    public void Flush()
    {
        foreach (var handle in _handles)
            RandomAccess.FlushToDisk(handle);
    }

    public void Dispose()
    {
        foreach (var handle in _handles)
            handle.Dispose();
    }

    private static List<List<TensorMerge>> Shards(IReadOnlyList<TensorMerge> tensors)
    {
        var shards = new List<List<TensorMerge>> { new() };
        var size = 0L;
        foreach (var tensor in tensors)
        {
            if (size > 0 && size + tensor.ByteLength > ShardBytes)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(tensor);
            size += tensor.ByteLength;
        }
        return shards;
    }

    private static byte[] Header(IReadOnlyList<TensorMerge> tensors)
    {
        var header = new JsonObject { ["__metadata__"] = new JsonObject { ["format"] = "pt" } };
        var at = 0L;
        foreach (var tensor in tensors)
        {
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = tensor.Output.SafetensorsName(),
                ["shape"] = new JsonArray([.. tensor.Sources[0].Shape.Select(size => JsonValue.Create(size))]),
                ["data_offsets"] = new JsonArray(at, at += tensor.ByteLength),
            };
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        // Padded with spaces, so that the data is aligned.
        var bytes = new byte[(8 + json.Length + 63) / 64 * 64];
        bytes.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - 8);
        json.CopyTo(bytes, 8);
        return bytes;
    }
}
