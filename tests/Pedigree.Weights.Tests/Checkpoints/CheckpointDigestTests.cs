using Pedigree.Weights.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Checkpoints;

public sealed class CheckpointDigestTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CheckpointManifest _manifest;

    public CheckpointDigestTests()
    {
        Safetensors.WriteModel(_folder.Path, Safetensors.Bytes(Safetensors.ValidHeader, 16));
        File.WriteAllText(_folder["tokenizer.json"], "abc");
        File.WriteAllText(_folder["recipe.json"], "no part of the checkpoint");
        using var checkpoint = Checkpoint.Open(_folder.Path);
        _manifest = CheckpointDigest.Compute(checkpoint);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_manifest_has_every_files_length_and_sha256()
    {
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], _manifest.Files.Select(file => file.Name));
        // SHA-256 of "abc": FIPS 180-2, appendix B.1.
        Assert.Equal(
            new("tokenizer.json", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), _manifest.Files[2]);
    }

    [Fact]
    public void The_content_digest_depends_on_names_lengths_and_bytes_but_not_on_order()
    {
        Assert.Equal(_manifest.ContentDigest, new CheckpointManifest([.. _manifest.Files.Reverse()]).ContentDigest);
        Assert.Matches("^[0-9a-f]{64}$", _manifest.ContentDigest);
        var digests = _manifest.Files.Select((file, i) => new CheckpointManifest(
            [.. _manifest.Files.Select((other, j) => i == j ? other with { Name = other.Name + "x" } : other)]).ContentDigest);
        Assert.Equal(4, digests.Append(_manifest.ContentDigest).Distinct().Count());
    }

    [Fact]
    public void A_manifest_survives_json()
    {
        var json = System.Text.Json.JsonSerializer.Serialize(_manifest);
        Assert.Equal(
            _manifest.ContentDigest, System.Text.Json.JsonSerializer.Deserialize<CheckpointManifest>(json)!.ContentDigest);
    }

    [Fact]
    public void An_untouched_checkpoint_verifies_whatever_lies_beside_it()
    {
        File.WriteAllText(_folder["notes.txt"], "added");
        CheckpointDigest.Verify(_folder.Path, _manifest);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(-1)]
    public void One_flipped_bit_is_found_and_its_file_named(int at)
    {
        var bytes = File.ReadAllBytes(_folder["model.safetensors"]);
        bytes[at < 0 ? bytes.Length + at : at] ^= 1;
        File.WriteAllBytes(_folder["model.safetensors"], bytes);
        Differs("model.safetensors", "was changed");
    }

    [Fact]
    public void A_missing_a_shortened_and_an_added_file_are_named()
    {
        File.WriteAllText(_folder["tokenizer.json"], "ab");
        Differs("tokenizer.json", "is 2 bytes long; 3 were recorded");
        File.Delete(_folder["tokenizer.json"]);
        Differs("tokenizer.json", "is missing");
        File.WriteAllText(_folder["tokenizer.json"], "abc");
        File.WriteAllText(_folder["added_tokens.json"], "{}");
        Differs("added_tokens.json", "was added later");
    }

    [Fact]
    public void A_checkpoint_that_is_gone_is_named()
    {
        var error = Assert.Throws<BadInputException>(() => CheckpointDigest.Verify(_folder["gone"], _manifest));
        Assert.Equal(_folder["gone/config.json"], error.File);
    }

    private void Differs(string name, string what)
    {
        var error = Assert.Throws<BadInputException>(() => CheckpointDigest.Verify(_folder.Path, _manifest));
        Assert.Equal(_folder[name], error.File);
        Assert.Contains(what, error.Message);
    }
}
