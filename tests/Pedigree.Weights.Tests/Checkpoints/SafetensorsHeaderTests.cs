using CsCheck;
using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Checkpoints;

public sealed class SafetensorsHeaderTests : IDisposable
{
    private static readonly int ValidLength = 8 + Safetensors.ValidHeader.Length + 16;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_header_longer_than_the_file_names_the_bytes() =>
        Refused(Safetensors.Bytes(Safetensors.ValidHeader, 16, 5000), "header",
            $"would end at byte 5008, but the file ends at byte {ValidLength}");

    [Theory]
    [InlineData(100_000_001)]
    [InlineData(ulong.MaxValue)]
    public void A_header_beyond_the_formats_bound_is_refused(ulong length) =>
        Refused(Safetensors.Bytes(Safetensors.ValidHeader, 16, length), "header", $"{length} bytes long; at most 100000000");

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void A_file_too_short_for_a_header_is_refused(int length) =>
        Refused(new byte[length], "model.safetensors", $"is {length} bytes long");

    [Fact]
    public void A_truncated_tensor_names_the_file_the_tensor_and_the_byte() =>
        Refused(Safetensors.Bytes(Safetensors.ValidHeader, 15), "model.safetensors: tensor `b`",
            $"the file ends at byte {ValidLength - 1}");

    [Fact]
    public void Bytes_after_the_last_tensor_are_refused() =>
        Refused(Safetensors.Bytes(Safetensors.ValidHeader, 17), "tensor `b`",
            $"ends at byte {ValidLength}, but the file goes on to byte {ValidLength + 1}");

    [Theory]
    [InlineData("[0,4]", "[2,6]", 6, "tensor `y`", "overlaps tensor `x`")]
    [InlineData("[0,4]", "[0,4]", 4, "tensor `y`", "overlaps tensor `x`")]
    [InlineData("[0,4]", "[5,9]", 9, "tensor `y`", "no hole")]
    [InlineData("[1,5]", "[5,9]", 9, "tensor `x`", "no hole")]
    [InlineData("[4,0]", "[0,4]", 8, "tensor `x`", "begin ≤ end")]
    [InlineData("[-4,0]", "[0,4]", 8, "tensor `x`", "two whole numbers")]
    [InlineData("[0,4,8]", "[4,8]", 8, "tensor `x`", "two whole numbers")]
    [InlineData("[0,4.5]", "[4,8]", 8, "tensor `x`", "two whole numbers")]
    [InlineData("[0,18446744073709551620]", "[4,8]", 8, "tensor `x`", "two whole numbers")]
    [InlineData("[9223372036854775803,9223372036854775807]", "[0,4]", 8, "tensor `x`", "the file ends at byte")]
    [InlineData("[0,5]", "[5,9]", 9, "tensor `x`", "takes 4 bytes")]
    public void Offsets_that_do_not_fit_are_refused(string x, string y, int dataLength, string where, string what) => Refused(
        Safetensors.Bytes("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" + x
            + "},\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" + y + "}}", dataLength), where, what);

    [Theory]
    [InlineData(
        """{"x":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}""", "tensor `x`", "unknown dtype `F33`; known are BF16, F16")]
    [InlineData("""{"x":{"dtype":4,"shape":[1],"data_offsets":[0,4]}}""", "tensor `x`", "`dtype` that is a string")]
    [InlineData("""{"x":{"shape":[1],"data_offsets":[0,4]}}""", "tensor `x`", "`dtype`")]
    [InlineData("""{"x":{"dtype":"F32","data_offsets":[0,4]}}""", "tensor `x`", "`shape`")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1]}}""", "tensor `x`", "`data_offsets`")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", "tensor `x`", "none negative")]
    [InlineData("""{"x":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", "tensor `x`", "whole numbers")]
    [InlineData("""{"x":{"dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]}}""", "tensor `x`",
        "more bytes than any file has")]
    [InlineData("""{"x":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807,4],"data_offsets":[0,4]}}""",
        "tensor `x`", "more bytes than any file has")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""",
        "tensor `x`", "appears twice")]
    [InlineData("""{"x":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "tensor `x`", "`dtype` twice")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"order":"C"}}""", "tensor `x`", "unknown key `order`")]
    [InlineData("""{"x":[]}""", "tensor `x`", "must be a JSON object")]
    [InlineData("""{"__metadata__":{"format":1}}""", "`__metadata__`", "all strings")]
    [InlineData("""{"x":""", "header", "is not JSON at byte 13")]
    [InlineData("[]", "header", "start with `{`")]
    [InlineData("", "header", "start with `{`")]
    [InlineData(" {}", "header", "start with `{`")]
    [InlineData("""{"\ud800":{}}""", "header", "surrogate")]
    public void A_header_that_says_the_wrong_thing_is_refused(string header, string where, string what) =>
        Refused(Safetensors.Bytes(header, 4), where, what);

    [Fact]
    public void A_header_that_is_not_utf8_is_refused()
    {
        var bytes = Safetensors.Bytes(Safetensors.ValidHeader, 16);
        bytes[10] = 0xFF;
        Refused(bytes, "header", "UTF-8");
    }

    [Fact]
    public void Empty_tensors_and_any_order_in_the_header_are_read()
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes(
            """
            {"late":{"dtype":"U8","shape":[3],"data_offsets":[4,7]},"none":{"dtype":"I64","shape":[0,9223372036854775807],"data_offsets":[4,4]},
             "early":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}   
            """, 7));
        using var checkpoint = Checkpoint.Open(_folder.Path);
        Assert.Equal(["early", "late", "none"], checkpoint.Tensors.Select(tensor => tensor.Name));
        Assert.Equal(0, checkpoint.Find("none")!.Count);
        Assert.Equal([29, 36, 43], checkpoint.Find("late")!.Bytes(0, 3));
    }

    [Fact]
    public void Every_element_type_has_one_name_and_its_size()
    {
        foreach (var dType in Enum.GetValues<DType>())
            Assert.Equal(dType, DTypes.FromSafetensorsName(dType.SafetensorsName()));
        Assert.Equal(
            [2, 2, 4, 8, 1, 1, 2, 2, 4, 4, 8, 8, 1, 1, 1, 1, 8],
            Enum.GetValues<DType>().Select(dType => dType.Size()));
    }

    [Fact]
    public void A_damaged_file_opens_or_is_refused_but_never_fails_otherwise()
    {
        var valid = Safetensors.Bytes(Safetensors.ValidHeader, 16);
        var flips = Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte).Array[0, 4];
        Gen.Select(flips, Gen.OneOf(Gen.Const(valid.Length), Gen.Int[0, valid.Length + 3])).Sample((changes, length) =>
        {
            var bytes = valid.ToArray();
            foreach (var (at, value) in changes)
                bytes[at] = value;
            Array.Resize(ref bytes, length);
            using var folder = new TemporaryFolder();
            Safetensors.WriteModel(folder.Path, bytes);
            try
            {
                using var checkpoint = Checkpoint.Open(folder.Path);
                foreach (var tensor in checkpoint.Tensors)
                    tensor.Bytes();
            }
            catch (BadInputException error)
            {
                Assert.Equal(Path.Combine(folder.Path, "model.safetensors"), error.File);
            }
        }, iter: 1500);
    }

    private void Refused(byte[] model, string where, string what)
    {
        Safetensors.WriteModel(_folder.Path, model);
        var before = _folder.Contents();
        var error = Assert.Throws<BadInputException>(() => Checkpoint.Open(_folder.Path));
        Assert.Equal(_folder["model.safetensors"], error.File);
        Assert.Contains(where, error.Message);
        Assert.Contains(what, error.Message);
        Assert.Equal(before, _folder.Contents());
    }
}
