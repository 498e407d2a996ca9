using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tokenizers;

/// <summary>
/// Hard texts and what Hugging Face's tokenizers and SentencePiece make of them with a table of characters
/// (golden/make_charsmap.js). Tokens are bytes.
/// </summary>
public sealed class CharacterTableTests : IDisposable
{
    private static readonly JsonObject Golden =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Tokenizers", "golden", "charsmap.json")))!
            .AsObject();

    private readonly TinyFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_tokenizer_json_replaces_characters_as_the_tokenizers_library_does()
    {
        _folder.File("tokenizer.json", Golden["file"]!.ToJsonString());
        Compare("tokenizers");
    }

    [Theory]
    [InlineData("sentencepiece", new byte[0])]
    [InlineData("collapsed", new byte[] { 3 << 3 | 2, 2, 4 << 3, 1 })] // normalizer_spec.remove_extra_whitespaces: true.
    public void A_SentencePiece_model_replaces_characters_as_SentencePiece_does(string name, byte[] more)
    {
        File.WriteAllBytes(
            Path.Combine(_folder.Path, "tokenizer.model"), [.. Convert.FromBase64String((string)Golden["model"]!), .. more]);
        Compare(name);
    }

    [Theory]
    [InlineData("")]
    [InlineData("AAAAAAA=")]
    [InlineData("BQAAAAAAAAAA")]
    [InlineData("/////wAAAAA=")]
    [InlineData("no base64")]
    public void What_is_no_table_is_refused(string table)
    {
        _folder.File("tokenizer.json", $$$"""{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "{{{table}}}"}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}""");
        Assert.Equal(
            "normalizer.precompiled_charsmap", Assert.Throws<BadInputException>(() => TokenizerLoader.Open(_folder.Path)).Field);
    }

    [Fact]
    public void A_table_that_leads_nowhere_ends_somewhere()
    {
        // Every unit leads beyond the end, is a value and has some label.
        var random = new Random(1);
        for (var i = 0; i < 200; i++)
        {
            var content = new byte[4 + 4 * 256 + 3];
            random.NextBytes(content);
            BinaryPrimitives.WriteUInt32LittleEndian(content, 4 * 256);
            var table = new CharacterTable(content, message => new BadInputException("table", null, message));
            var text = string.Concat(Enumerable.Range(0, 100).Select(_ => (char)random.Next(1, 0x2000)));
            Assert.NotNull(table.Replace(text) + table.ReplaceByCluster(text));
        }
    }

    private void Compare(string name)
    {
        var tokenizer = TokenizerLoader.Open(_folder.Path);
        foreach (var entry in Golden["texts"]!.AsArray())
        {
            byte[] became = [.. tokenizer.Encode((string)entry!["text"]!, false).Select(id => (byte)(id - 3))];
            Assert.Equal((string)entry[name]!, Encoding.UTF8.GetString(became));
        }
    }
}
