using CsCheck;
using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Checkpoints;

public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_single_file_opens_with_its_tensors_by_name()
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes(Safetensors.ValidHeader, 16));
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal(["a", "b"], checkpoint.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(7, checkpoint.Parameters);
        Assert.Equal("llama", checkpoint.Config["model_type"]!.GetValue<string>());
        var a = checkpoint.Find("a")!;
        Assert.Equal((DType.BF16, 6, 12), (a.DType, a.Count, a.ByteLength));
        Assert.Equal([2, 3], a.Shape);
        Assert.Equal([1, 8, 15], a.Bytes(0, 3));
        var b = checkpoint.Find("b")!;
        Assert.Equal((DType.F32, 1, 4), (b.DType, b.Count, b.ByteLength));
        Assert.Empty(b.Shape);
        Assert.Equal([85, 92, 99, 106], b.Bytes(0, 4));
        Assert.Null(checkpoint.Find("c"));
    }

    [Fact]
    public void A_model_without_a_tensor_is_refused()
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes("""{"__metadata__":{"format":"pt"}}""", 0));
        Assert.Contains("holds no tensors", Assert.Throws<BadInputException>(() => Checkpoint.Open(_folder.Path)).Message);
    }

    [Fact]
    public void Shards_open_as_one_model()
    {
        WriteShards("""{"weight_map":{"x":"one.safetensors","y":"two.safetensors"}}""");
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal(["x", "y"], checkpoint.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(["model.safetensors.index.json", "one.safetensors", "two.safetensors"], checkpoint.WeightFiles);
    }

    [Fact]
    public void A_shard_may_be_a_symbolic_link_out_of_the_folder()
    {
        WriteShards("""{"weight_map":{"x":"one.safetensors","y":"two.safetensors"}}""");
        using var elsewhere = new TemporaryFolder();
        File.Move(_folder["two.safetensors"], elsewhere["blob"]);
        File.CreateSymbolicLink(_folder["two.safetensors"], elsewhere["blob"]);
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.NotNull(checkpoint.Find("y"));
    }

    [Fact]
    public void Tied_embeddings_need_no_head()
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes(
            """{"model.embed_tokens.weight":{"dtype":"F16","shape":[4,2],"data_offsets":[0,16]}}""", 16),
            """{"model_type":"llama","tie_word_embeddings":true}""");
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Null(checkpoint.Find("lm_head.weight"));
        Assert.Equal(8, checkpoint.Parameters);
    }

    [Fact]
    public void Config_and_tokenizer_files_are_carried_and_others_are_not()
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes(Safetensors.ValidHeader, 16));
        foreach (var name in new[]
        {
            "tokenizer.json",
            "generation_config.json",
            "chat_template.jinja",
            "training_args.bin",
            "README.md",
        })
            File.WriteAllText(_folder[name], "{}");
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal(["chat_template.jinja", "config.json", "generation_config.json", "tokenizer.json"], checkpoint.CarriedFiles);
        Assert.Equal(
            ["chat_template.jinja", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json"],
            checkpoint.SourceFiles);
    }

    [Fact]
    public void A_file_that_is_cut_off_while_it_is_open_is_an_error()
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes(Safetensors.ValidHeader, 16));
        using var checkpoint = Checkpoint.Open(_folder.Path);
        using (FileStream file = new(_folder["model.safetensors"], FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            file.SetLength(file.Length - 1);
        var error = Assert.Throws<BadInputException>(() => checkpoint.Find("b")!.Bytes());
        Assert.Equal(_folder["model.safetensors"], error.File);
        Assert.Contains("it was changed while it was read", error.Message);
    }

    [Fact]
    public void A_tensor_gives_no_bytes_beyond_its_end()
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes(Safetensors.ValidHeader, 16));
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Throws<ArgumentOutOfRangeException>(() => checkpoint.Find("a")!.Bytes(11, 2));
    }

    [Theory]
    [InlineData("""{"weight_map":{"x":"one.safetensors"}}""", "two", null)]
    [InlineData("""{"weight_map":{"x":"one.safetensors","y":"one.safetensors"}}""", "index.json: tensor `y`", "does not hold it")]
    [InlineData("""{"weight_map":{"x":"one.safetensors","y":"two.safetensors","z":"two.safetensors"}}""",
        "index.json: tensor `z`", "`two.safetensors`")]
    [InlineData("""{"weight_map":{"y":"two.safetensors","z":"one.safetensors"}}""", "one.safetensors: tensor `x`",
        "is not in `model.safetensors.index.json`")]
    [InlineData("""{"weight_map":{"x":"two.safetensors","y":"one.safetensors"}}""", "one.safetensors: tensor `x`",
        "should be in `two.safetensors`")]
    [InlineData("""{"weight_map":{"x":"one.safetensors","y":"three.safetensors"}}""", "three.safetensors", "is missing")]
    [InlineData("""{"weight_map":{"x":"../one.safetensors"}}""", "tensor `x`", "`../one.safetensors`")]
    [InlineData("""{"weight_map":{"x":"/one.safetensors"}}""", "tensor `x`", "without a path")]
    [InlineData("""{"weight_map":{"x":"a\\one.safetensors"}}""", "tensor `x`", "without a path")]
    [InlineData("""{"weight_map":{"x":"config.json"}}""", "tensor `x`", "must be a `.safetensors` file")]
    [InlineData("""{"weight_map":{"x":1}}""", "tensor `x`", "name of a shard")]
    [InlineData("""{"weight_map":[]}""", "`weight_map`", "must be a JSON object")]
    [InlineData("""{"weight_map":{"x":"one.safetensors","x":"two.safetensors"}}""", "index.json", "appears once")]
    [InlineData("""{"weight_map":{"x":"\ud800.safetensors"}}""", "index.json", "not text")]
    [InlineData("[]", "index.json", "must be a JSON object")]
    [InlineData("{", "index.json", "must be a JSON object")]
    public void An_index_that_does_not_fit_its_shards_is_refused(string index, string where, string? what)
    {
        WriteShards(index);
        if (what is null)
        {
            // A shard that the index does not name is no part of the model.
            using var checkpoint = Checkpoint.Open(_folder.Path);
            Assert.Null(checkpoint.Find("y"));
            return;
        }
        Refused(where, what);
    }

    [Fact]
    public void Pickled_weights_are_refused_and_not_read()
    {
        File.WriteAllText(_folder["config.json"], "{}");
        File.WriteAllText(_folder["pytorch_model.bin"], "not even a pickle");
        Refused("pytorch_model.bin", "convert the weights to safetensors");
    }

    [Fact]
    public void A_folder_without_weights_is_refused()
    {
        File.WriteAllText(_folder["config.json"], "{}");
        Refused(_folder.Path, "holds no weights");
    }

    [Theory]
    [InlineData(null, "is missing")]
    [InlineData("[1]", "must be a JSON object")]
    [InlineData("null", "must be a JSON object")]
    [InlineData("{\"a\":1,\"a\":2}", "appears once")]
    [InlineData("", "must be a JSON object")]
    [InlineData("{\"a\":\"\\udc00\"}", "not text")]
    public void A_config_that_is_no_object_is_refused(string? config, string what)
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes(Safetensors.ValidHeader, 16), config ?? "");
        if (config is null)
            File.Delete(_folder["config.json"]);
        Refused("config.json", what);
    }

    [Fact]
    public void A_path_to_nothing_or_to_a_file_is_refused()
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes(Safetensors.ValidHeader, 16));
        Assert.Contains("give the folder", Assert.Throws<BadInputException>(() => Checkpoint.Open(_folder["none"])).Message);
        Assert.Contains("is a file", Assert.Throws<BadInputException>(() => Checkpoint.Open(_folder["config.json"])).Message);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("model.safetensors.index.json")]
    [InlineData("one.safetensors")]
    public void Damage_to_any_file_is_harmless_or_refused(string name)
    {
        WriteShards("""{"metadata":{"total_size":8},"weight_map":{"x":"one.safetensors","y":"two.safetensors"}}""");
        File.WriteAllText(_folder["config.json"], """{"model_type":"llama","tie_word_embeddings":true,"eos_token_id":[1,2]}""");
        var valid = File.ReadAllBytes(_folder[name]);
        Gen.Select(Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte).Array[1, 3], Gen.Int[0, 2 * valid.Length])
            .Sample((changes, length) =>
            {
                var bytes = valid.ToArray();
                foreach (var (at, value) in changes)
                    bytes[at] = value;
                File.WriteAllBytes(_folder[name], bytes[..Math.Min(length, bytes.Length)]);
                try
                {
                    using var checkpoint = Checkpoint.Open(_folder.Path);
                    Assert.Equal(2, checkpoint.Tensors.Count);
                }
                catch (BadInputException error)
                {
                    Assert.StartsWith(_folder.Path, error.File);
                }
            }, iter: 1000, threads: 1);
    }

    private void WriteShards(string index)
    {
        File.WriteAllText(_folder["config.json"], "{}");
        File.WriteAllText(_folder["model.safetensors.index.json"], index);
        File.WriteAllBytes(_folder["one.safetensors"],
            Safetensors.Bytes("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4));
        File.WriteAllBytes(_folder["two.safetensors"],
            Safetensors.Bytes("""{"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4));
    }

    private void Refused(string where, string what)
    {
        var before = _folder.Contents();
        var error = Assert.Throws<BadInputException>(() => Checkpoint.Open(_folder.Path));
        Assert.Contains(where, error.Message);
        Assert.Contains(what, error.Message);
        Assert.StartsWith(_folder.Path, error.File);
        Assert.Equal(before, _folder.Contents());
    }
}
