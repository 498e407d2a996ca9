using System.Text.Json.Nodes;
using Google.Protobuf;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tokenizers;

public class SentencePieceFileTests
{
    /// <summary>
    /// A ModelProto by field numbers: pieces 1 (piece 1, score 2, type 3), trainer 2 (model_type 3 = BPE, byte_fallback 35),
    /// normalizer 3 (add_dummy_prefix 3, remove_extra_whitespaces 4, escape_whitespaces 5).
    /// </summary>
    private static byte[] Model()
    {
        var pieces = new List<(string Text, float Score, int Type)> { ("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3) };
        pieces.AddRange(Enumerable.Range(0, 256).Select(value => ($"<0x{value:X2}>", 0f, 6)));
        pieces.AddRange([("▁h", -1, 1), ("▁hi", -2, 1), ("▁", -3, 1), ("h", -4, 1), ("i", -5, 1)]);
        return Message(output =>
        {
            foreach (var (text, score, type) in pieces)
            {
                Nested(output, 1, piece =>
                {
                    piece.WriteTag(1, WireFormat.WireType.LengthDelimited);
                    piece.WriteString(text);
                    piece.WriteTag(2, WireFormat.WireType.Fixed32);
                    piece.WriteFloat(score);
                    piece.WriteTag(3, WireFormat.WireType.Varint);
                    piece.WriteEnum(type);
                });
            }
            Nested(output, 2, trainer =>
            {
                trainer.WriteTag(3, WireFormat.WireType.Varint);
                trainer.WriteEnum(2);
                trainer.WriteTag(35, WireFormat.WireType.Varint);
                trainer.WriteBool(true);
            });
            Nested(output, 3, normalizer =>
            {
                foreach (var (field, value) in (List<(int, bool)>)[(3, true), (4, false), (5, true)])
                {
                    normalizer.WriteTag(field, WireFormat.WireType.Varint);
                    normalizer.WriteBool(value);
                }
            });
        });
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var stream = new MemoryStream();
        using var output = new CodedOutputStream(stream);
        write(output);
        output.Flush();
        return stream.ToArray();
    }

    private static void Nested(CodedOutputStream output, int field, Action<CodedOutputStream> write)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(Message(write)));
    }

    private static ITextTokenizer Open(byte[] model, string? settings = null)
    {
        using var folder = new TinyFolder();
        File.WriteAllBytes(Path.Combine(folder.Path, "tokenizer.model"), model);
        if (settings is not null)
            folder.File("tokenizer_config.json", settings);
        return TokenizerLoader.Open(folder.Path);
    }

    [Fact]
    public void Pieces_merge_by_score_and_unknown_characters_become_bytes()
    {
        var tokenizer = Open(Model());
        Assert.Equal((1, 2, 264), (tokenizer.BosId, tokenizer.EosId, tokenizer.Count));
        Assert.Equal([1, 260, 3 + 0xC3, 3 + 0xA9, 260], tokenizer.Encode("hié hi", true));
        Assert.Equal([260], tokenizer.Encode("hi", false));
        Assert.Equal("hié hi", tokenizer.Decode([1, 260, 3 + 0xC3, 3 + 0xA9, 260, 2]));
    }

    [Fact]
    public void The_settings_beside_it_say_whether_a_text_begins_and_ends_with_tokens() =>
        Assert.Equal([260, 2], Open(Model(), """{"add_bos_token": false, "add_eos_token": true}""").Encode("hi", true));

    [Theory]
    [InlineData("Unigram")]
    [InlineData("BPE")]
    public void Ids_and_texts_equal_those_of_SentencePiece_itself(string name)
    {
        var golden = JsonNode.Parse(
            File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Tokenizers", "golden", "sentencepiece.json")))!
            .AsArray().Single(entry => (string)entry!["name"]! == name)!;
        var tokenizer = Open(Convert.FromBase64String((string)golden["model"]!));
        foreach (var entry in golden["texts"]!.AsArray())
        {
            var text = (string)entry!["text"]!;
            int[] ids = [.. entry["ids"]!.AsArray().Select(id => (int)id!)];
            Assert.Equal((text, string.Join(' ', ids)), (text, string.Join(' ', tokenizer.Encode(text, false))));
            Assert.Equal((string)entry["decoded"]!, tokenizer.Decode(ids));
        }
    }

    [Fact]
    public void A_model_with_a_table_of_characters_that_is_none_is_refused()
    {
        var table = Message(output => Nested(output, 3, normalizer =>
        {
            normalizer.WriteTag(2, WireFormat.WireType.LengthDelimited);
            normalizer.WriteBytes(ByteString.CopyFrom(1, 2, 3));
        }));
        Assert.Equal(
            "normalizer_spec.precompiled_charsmap", Assert.Throws<BadInputException>(() => Open([.. Model(), .. table])).Field);
    }

    [Fact]
    public void Bytes_that_are_no_model_are_refused() =>
        Assert.Contains("tokenizer.model", Assert.Throws<BadInputException>(() => Open([0xFF, 1, 2, 3])).Message);
}
