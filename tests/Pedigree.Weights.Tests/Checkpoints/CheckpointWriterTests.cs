using CsCheck;
using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Checkpoints;

public sealed class CheckpointWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static readonly Gen<PlannedTensor[]> GenTensors =
        Gen.Select(Gen.Enum<DType>(), Gen.Long[0, 5].Array[0, 3], Gen.String[0, 8]).Array[1, 12].Select(tensors => tensors
            .Select((tensor, i) => new PlannedTensor($"{i}.{tensor.Item3}".Replace('\uD800', 'x'), tensor.Item1, tensor.Item2))
            .ToArray());

    [Fact]
    public void What_is_written_is_read_back_whatever_the_tensors_and_the_size_of_the_shards() =>
        Gen.Select(GenTensors, Gen.Int[1, 400], Gen.Int[0, 1000]).Sample((tensors, maxShardSize, seed) =>
        {
            using var folder = new TemporaryFolder();
            var random = new Random(seed);
            var data = tensors.Select(tensor => Random(random, tensor.ByteLength)).ToArray();
            CheckpointManifest manifest;
            using (var writer = new CheckpointWriter(folder["t"], tensors, maxShardSize))
            {
                Parallel.For(0, tensors.Length, i =>
                {
                    var half = data[i].Length / 2;
                    writer.Write(tensors[i].Name, half, data[i].AsSpan(half));
                    writer.Write(tensors[i].Name, 0, data[i].AsSpan(0, half));
                });
                writer.AddFile("config.json", "{}"u8);
                manifest = writer.Complete(folder["model"]);
            }
            Assert.False(Directory.Exists(folder["t"]));

            using var checkpoint = Checkpoint.Open(folder["model"]);
            Assert.Equal(tensors.Length, checkpoint.Tensors.Count);
            for (var i = 0; i < tensors.Length; i++)
            {
                var read = checkpoint.Find(tensors[i].Name)!;
                Assert.Equal((tensors[i].DType, tensors[i].ByteLength), (read.DType, read.ByteLength));
                Assert.Equal(tensors[i].Shape, read.Shape);
                Assert.Equal(data[i], read.Bytes());
            }
            foreach (var shard in checkpoint.WeightFiles.Where(name => name != "model.safetensors.index.json"))
            {
                using var file = File.OpenHandle(Path.Combine(folder["model"], shard));
                var (entries, start) = SafetensorsHeader.Read(shard, file);
                Assert.All(entries, entry => Assert.Equal(0, (start + entry.Begin) % entry.DType.Size()));
            }
            CheckpointDigest.Verify(folder["model"], manifest);
            Assert.Equal(manifest.ContentDigest, CheckpointDigest.Compute(checkpoint).ContentDigest);
        }, iter: 50);

    [Fact]
    public void Shards_are_named_and_indexed_as_others_expect()
    {
        using (var writer = Written("t", 8))
            writer.Complete(_folder["model"]);
        Assert.Equal(
            ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                "model.safetensors.index.json"],
            Directory.EnumerateFiles(_folder["model"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("""
            {
              "metadata": {
                "total_size": 12
              },
              "weight_map": {
                "a": "model-00001-of-00002.safetensors",
                "b": "model-00002-of-00002.safetensors"
              }
            }
            """, File.ReadAllText(_folder["model/model.safetensors.index.json"]));
    }

    [Fact]
    public void One_shard_has_the_plain_name_and_a_header_others_read()
    {
        using (var writer = Written("t", 1000))
            writer.Complete(_folder["model"]);
        var bytes = File.ReadAllBytes(_folder["model/model.safetensors"]);
        Assert.Equal(0, (8 + bytes[0]) % 64);
        Assert.Equal(
            """{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F16","shape":[2,2],"data_offsets":[4,12]}}""",
            System.Text.Encoding.UTF8.GetString(bytes.AsSpan(8, bytes[0])).TrimEnd());
        Assert.False(File.Exists(_folder["model/model.safetensors.index.json"]));
    }

    [Fact]
    public void The_order_in_which_tensors_are_planned_does_not_change_a_byte()
    {
        var tensors = Enumerable.Range(
            0, 9).Select(i => new PlannedTensor($"t{i}", i % 2 == 0 ? DType.U8 : DType.F32, [3])).ToArray();
        var manifests = new[] { tensors, [.. tensors.Reverse()] }.Select((order, n) =>
        {
            using var writer = new CheckpointWriter(_folder[$"t{n}"], order, 20);
            foreach (var tensor in order)
                writer.Write(tensor.Name, 0, new byte[tensor.ByteLength]);
            writer.AddFile("config.json", "{}"u8);
            return writer.Complete(_folder[$"model{n}"]).ContentDigest;
        }).ToArray();
        Assert.Equal(manifests[0], manifests[1]);
    }

    [Fact]
    public void Files_are_carried_unless_they_were_given()
    {
        Safetensors.WriteModel(_folder["parent"], Safetensors.Bytes(Safetensors.ValidHeader, 16));
        File.WriteAllText(_folder["parent/tokenizer.json"], "{\"tokens\":1}");
        File.WriteAllText(_folder["parent/README.md"], "not carried");
        using var parent = Checkpoint.Open(_folder["parent"]);
        using var writer = Written("t", 1000);
        writer.CarryFiles(parent);
        var manifest = writer.Seal();
        writer.AddFile("recipe.json", "{}"u8);
        writer.Complete(_folder["model"]);
        Assert.Equal("{}", File.ReadAllText(_folder["model/config.json"]));
        Assert.Equal("{\"tokens\":1}", File.ReadAllText(_folder["model/tokenizer.json"]));
        Assert.False(File.Exists(_folder["model/README.md"]));
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], manifest.Files.Select(file => file.Name));
        CheckpointDigest.Verify(_folder["model"], manifest);
    }

    [Fact]
    public void What_is_not_completed_leaves_nothing()
    {
        using (Written("t", 1000))
            Assert.True(Directory.Exists(_folder["t"]));
        Assert.Empty(_folder.Contents());
        Assert.False(Directory.Exists(_folder["t"]));
    }

    [Fact]
    public void What_was_not_wholly_written_is_not_sealed()
    {
        using var writer = new CheckpointWriter(_folder["t"], [new("a", DType.F32, [2])]);
        writer.Write("a", 0, new byte[4]);
        writer.AddFile("config.json", "{}"u8);
        Assert.Contains("4 bytes of model.safetensors were written; it has 8",
            Assert.Throws<InvalidOperationException>(() => writer.Complete(_folder["model"])).Message);
        Assert.False(Directory.Exists(_folder["model"]));
    }

    [Fact]
    public void Bytes_outside_a_tensor_are_not_written()
    {
        using var writer = new CheckpointWriter(_folder["t"], [new("a", DType.F32, [2])]);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write("a", 5, new byte[4]));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write("a", -1, new byte[4]));
    }

    [Fact]
    public void An_existing_folder_is_never_overwritten()
    {
        Directory.CreateDirectory(_folder["model"]);
        File.WriteAllText(_folder["model/mine"], "keep");
        var before = _folder.Contents();
        using (var writer = Written("t", 1000))
            Assert.Contains(
                "never overwritten", Assert.Throws<BadInputException>(() => writer.Complete(_folder["model"])).Message);
        Assert.Contains("already exists", Assert.Throws<BadInputException>(() => Written("model", 1000)).Message);
        Assert.Equal(before, _folder.Contents());
    }

    private CheckpointWriter Written(string temporary, long maxShardSize)
    {
        var writer = new CheckpointWriter(
            _folder[temporary], [new("b", DType.F32, [1]), new("a", DType.F16, [2, 2])], maxShardSize);
        writer.Write("a", 0, [1, 2, 3, 4, 5, 6, 7, 8]);
        writer.Write("b", 0, [9, 10, 11, 12]);
        writer.AddFile("config.json", "{}"u8);
        return writer;
    }

    private static byte[] Random(Random random, long length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
