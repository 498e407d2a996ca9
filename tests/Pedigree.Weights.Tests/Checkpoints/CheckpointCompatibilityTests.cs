using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Checkpoints;

public sealed class CheckpointCompatibilityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"model_type":"llama","hidden_size":8,"torch_dtype":"float16"}""", "F16", "[2,3]", "a")]
    [InlineData("""{"model_type":"llama"}""", "F16", "[2,3]", "a")]
    public void Models_of_one_architecture_and_shape_fit_whatever_their_dtype(
        string config, string dType, string shape, string name) =>
        Check(config, dType, shape, name);

    [Theory]
    [InlineData("""{"model_type":"mistral"}""", "[2,3]", "a", "config.json: model_type: is \"mistral\", but \"llama\" in")]
    [InlineData("""{"model_type":"llama","hidden_size":16}""", "[2,3]", "a", "config.json: hidden_size: is 16, but 8 in")]
    [InlineData("""{"model_type":"llama","hidden_size":8}""", "[3,2]", "a", "other: a: has shape [3, 2], but [2, 3] in")]
    [InlineData("""{"model_type":"llama","hidden_size":8}""", "[6]", "a", "has shape [6], but [2, 3] in")]
    [InlineData("""{"model_type":"llama","hidden_size":8}""", "[2,3]", "b", "other: a: is missing;")]
    public void Models_that_differ_are_refused_with_both_folders_and_what_differs(
        string config, string shape, string name, string what)
    {
        var message = Assert.Throws<BadInputException>(() => Check(config, "F16", shape, name)).Message;
        Assert.Contains(what, message);
        Assert.Contains(_folder["base"], message);
        Assert.Contains(_folder["other"], message);
    }

    [Fact]
    public void A_tensor_that_only_one_model_has_in_a_type_that_is_merged_is_refused()
    {
        var error = Assert.Throws<BadInputException>(() => Check("{}", "I16", "[2,3]", "a"));
        Assert.Equal((_folder["other/model.safetensors"], "a"), (error.File, error.Field));
        Assert.Contains("is of type I16, but BF16 in", error.Message);
    }

    [Fact]
    public void A_tensor_too_many_is_refused()
    {
        Write("base", "{}", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4);
        Write("other", "{}", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"c\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,4]}}", 4);
        Assert.Contains("other: c: is not in", Assert.Throws<BadInputException>(Require).Message);
    }

    private void Check(string config, string dType, string shape, string name)
    {
        Write("base",
            """{"model_type":"llama","hidden_size":8}""", """{"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}}""", 12);
        Write("other", config, $"{{\"{name}\":{{\"dtype\":\"{dType}\",\"shape\":{shape},\"data_offsets\":[0,12]}}}}", 12);
        Require();
    }

    private void Write(string name, string config, string header, int dataLength) =>
        Safetensors.WriteModel(_folder[name], Safetensors.Bytes(header, dataLength), config);

    private void Require()
    {
        using var reference = Checkpoint.Open(_folder["base"]);
        using var other = Checkpoint.Open(_folder["other"]);
        CheckpointCompatibility.Require(reference, other);
    }
}
