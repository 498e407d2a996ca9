using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Pedigree.Weights.Checkpoints;

/// <summary>A tensor that is going to be written.</summary>
public sealed record PlannedTensor(string Name, DType DType, IReadOnlyList<long> Shape)
{
    /// <summary>Length in bytes.</summary>
    /// <exception cref="OverflowException">It is more than 63 bits can hold.</exception>
    public long ByteLength { get; } = Shape.Contains(0) ? 0
        : Shape.Aggregate((long)DType.Size(), (bytes, size) => checked(bytes * size));
}

/// <summary>One shard to be written: its name, its tensors in order of their bytes, and its header.</summary>
internal sealed record ShardPlan(string Name, IReadOnlyList<PlannedTensor> Tensors, byte[] Header)
{
    /// <summary>Bytes of the whole file.</summary>
    public long Length { get; } = Header.Length + Tensors.Sum(tensor => tensor.ByteLength);

    /// <summary>
    /// Fills shards in ordinal order of the names, none with more tensor bytes than <paramref name="maxShardSize"/> unless one
    /// tensor alone has. The outcome depends on the tensors alone, not on the order in which they are given.
    /// </summary>
    public static IReadOnlyList<ShardPlan> Divide(IEnumerable<PlannedTensor> tensors, long maxShardSize)
    {
        var shards = new List<List<PlannedTensor>> { new() };
        var size = 0L;
        foreach (var tensor in tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            if (shards[^1].Count > 0 && tensor.ByteLength > maxShardSize - size)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(tensor);
            size += tensor.ByteLength;
        }
        return [.. shards.Select((shard, i) => Create(
            shards.Count == 1 ? CheckpointFiles.SingleShard : $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors", shard))];
    }

    /// <summary>The index of several shards, as indented JSON.</summary>
    public static byte[] Index(IReadOnlyList<ShardPlan> shards) => Json(indented: true, json =>
    {
        json.WriteStartObject();
        json.WriteStartObject("metadata");
        json.WriteNumber("total_size", shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteLength)));
        json.WriteEndObject();
        json.WriteStartObject("weight_map");
        foreach (var (tensor, shard) in shards.SelectMany(shard => shard.Tensors.Select(tensor => (tensor.Name, shard.Name)))
            .OrderBy(pair => pair.Item1, StringComparer.Ordinal))
            json.WriteString(tensor, shard);
        json.WriteEndObject();
        json.WriteEndObject();
    });

    private static ShardPlan Create(string name, IEnumerable<PlannedTensor> tensors)
    {
        // The data starts on a cache line, and larger elements come first, so that every tensor is aligned to its elements.
        PlannedTensor[] ordered =
            [.. tensors.OrderByDescending(tensor => tensor.DType.Size()).ThenBy(tensor => tensor.Name, StringComparer.Ordinal)];
        var json = Json(indented: false, writer => WriteHeader(writer, ordered));
        var header = new byte[(8 + json.Length + 63) / 64 * 64];
        header.AsSpan().Fill((byte)' ');
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - 8);
        json.CopyTo(header, 8);
        return new(name, ordered, header);
    }

    private static void WriteHeader(Utf8JsonWriter json, IEnumerable<PlannedTensor> tensors)
    {
        json.WriteStartObject();
        json.WriteStartObject("__metadata__");
        json.WriteString("format", "pt");
        json.WriteEndObject();
        var end = 0L;
        foreach (var tensor in tensors)
        {
            json.WriteStartObject(tensor.Name);
            json.WriteString("dtype", tensor.DType.SafetensorsName());
            json.WriteStartArray("shape");
            foreach (var size in tensor.Shape)
                json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(end);
            json.WriteNumberValue(end = checked(end + tensor.ByteLength));
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
    }

    private static byte[] Json(bool indented, Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new()
        {
            Indented = indented,
            NewLine = "\n",
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }))
            write(json);
        return stream.ToArray();
    }
}
