using CsCheck;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tokenizers;

public class JsonTextTokenizerTests
{
    private const string ByteLevel = """
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true}, "decoder": {"type": "ByteLevel"}
        """;

    private static ITextTokenizer Open(string json, int? rows = null)
    {
        using var folder = new TinyFolder();
        folder.File("tokenizer.json", json);
        return TokenizerLoader.Open(folder.Path, rows);
    }

    private static string Bad(string json) => Assert.Throws<BadInputException>(() => Open(json)).Message;

    [Fact]
    public void Characters_without_merges_round_trip()
    {
        using var folder = new TinyFolder();
        folder.CharacterTokenizer();
        var tokenizer = TokenizerLoader.Open(folder.Path, 49);
        Assert.Equal(49, tokenizer.Count);
        Assert.Equal(0, tokenizer.EosId);
        Assert.Equal([1, 37, 2, 48], tokenizer.Encode("a b\n", true));
        Gen.String[Gen.Char[TinyFolder.Characters], 0, 40].Sample(
            text => tokenizer.Decode(tokenizer.Encode(text, true)) == text, iter: 300);
    }

    [Theory]
    [InlineData("""["l o", "lo w", "e r"]""")]
    [InlineData("""[["l", "o"], ["lo", "w"], ["e", "r"]]""")]
    public void Merges_apply_in_order_of_rank_in_either_spelling(string merges)
    {
        var tokenizer = Open($$"""
            {"model": {"type": "BPE", "vocab": {"l": 0, "o": 1, "w": 2, "e": 3, "r": 4, "lo": 5, "low": 6, "er": 7, "Ġ": 8}, "merges": {{merges}}}, {{ByteLevel}}}
            """);
        Assert.Equal([6, 7, 8, 6], tokenizer.Encode("lower low", true));
        Assert.Equal("lower low", tokenizer.Decode([6, 7, 8, 6]));
    }

    [Fact]
    public void An_earlier_merge_wins_over_one_further_left()
    {
        var tokenizer = Open($$"""
            {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "bc": 3, "ab": 4}, "merges": ["b c", "a b"]}, {{ByteLevel}}}
            """);
        Assert.Equal([0, 3], tokenizer.Encode("abc", true));
    }

    [Fact]
    public void A_character_of_several_bytes_is_several_byte_level_tokens()
    {
        // é is C3 A9, written Ã and ©.
        var tokenizer = Open($$"""{"model": {"type": "BPE", "vocab": {"Ã": 0, "©": 1}, "merges": []}, {{ByteLevel}}}""");
        Assert.Equal([0, 1], tokenizer.Encode("é", true));
        Assert.Equal("é", tokenizer.Decode([0, 1]));
    }

    private const string Llama2 = """
        {"added_tokens": [{"id": 0, "content": "<unk>", "special": true}, {"id": 1, "content": "<s>", "special": true}],
         "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
         "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
         "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
         "model": {"type": "BPE", "byte_fallback": true, "fuse_unk": true, "unk_token": "<unk>",
            "vocab": {"<unk>": 0, "<s>": 1, "<0xC3>": 2, "<0xA9>": 3, "▁": 4, "h": 5, "i": 6, "▁h": 7, "▁hi": 8}, "merges": ["▁ h", "▁h i"]}}
        """;

    [Fact]
    public void A_SentencePiece_style_file_prepends_falls_back_to_bytes_and_strips()
    {
        var tokenizer = Open(Llama2);
        Assert.Equal([1, 8, 2, 3, 8], tokenizer.Encode("hié hi", true));
        Assert.Equal([8], tokenizer.Encode("hi", false));
        Assert.Equal("hié hi", tokenizer.Decode([1, 8, 2, 3, 8]));
        Assert.Equal("\uFFFDhi", tokenizer.Decode([2, 5, 6]));
    }

    [Fact]
    public void Unknown_characters_in_a_row_fuse_where_the_file_says_so()
    {
        Assert.Equal([8, 0, 6], Open(Llama2).Encode("hixyzi", false));
        Assert.Equal([8, 0, 0, 0, 6], Open(Llama2.Replace("\"fuse_unk\": true", "\"fuse_unk\": false")).Encode("hixyzi", false));
    }

    [Fact]
    public void Added_tokens_are_cut_out_first_and_special_ones_leave_no_text()
    {
        var tokenizer = Open($$"""
            {"added_tokens": [{"id": 2, "content": "<a>", "special": true}, {"id": 3, "content": "<a>b", "special": false}],
             "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}, {{ByteLevel}}}
            """);
        Assert.Equal([0, 2, 0, 3, 1], tokenizer.Encode("a<a>a<a>bb", true));
        Assert.Equal("aa<a>bb", tokenizer.Decode([0, 2, 0, 3, 1]));
        Assert.Equal(4, tokenizer.Count);
    }

    [Fact]
    public void Qwen2_style_splitting_keeps_merges_within_words()
    {
        const string split = """
            "normalizer": {"type": "NFC"}, "decoder": {"type": "ByteLevel"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
              {"type": "Split", "behavior": "Isolated", "invert": false, "pattern":
                {"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
              {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
            """;
        var tokenizer = Open($$"""
            {"model": {"type": "BPE", "vocab": {"a": 0, "1": 1, "2": 2, "Ġ": 3, "12": 4, "Ġa": 5, "aĠ": 6}, "merges": ["a Ġ", "1 2", "Ġ a"]}, {{split}}}
            """);
        // Digits stand alone and a space goes with the word after it, so neither "12" nor "aĠ" can come about.
        Assert.Equal([0, 5, 1, 2], tokenizer.Encode("a a12", true));
    }

    [Fact]
    public void Text_is_composed_where_the_file_says_so()
    {
        var tokenizer =
            Open($$"""{"normalizer": {"type": "NFC"}, "model": {"type": "BPE", "vocab": {"Ã": 0, "©": 1} }, {{ByteLevel}}}""");
        Assert.Equal([0, 1], tokenizer.Encode("\u00E9", true));
        Assert.Equal([0, 1], tokenizer.Encode("e\u0301", true));
    }

    [Fact]
    public void A_letter_beyond_16_bits_goes_with_its_word()
    {
        // U+1D4D0 is a letter: F0 9D 93 90. A digit beyond them, U+1D7D9, is F0 9D 9F 99.
        var tokenizer = Open($$"""
            {"model": {"type": "BPE", "vocab": {"ð": 0, "Ŀ": 1, "ĵ": 2, "Ĳ": 3, "Ł": 4, "Ļ": 5, "a": 6, "Ĳa": 7, "Ļa": 8}, "merges": ["Ĳ a", "Ļ a"]}, {{ByteLevel}}}
            """);
        Assert.Equal("𝓐a𝟙a", tokenizer.Decode(tokenizer.Encode("𝓐a𝟙a", true)));
        Assert.Contains(7, tokenizer.Encode("𝓐a", true));
        Assert.DoesNotContain(8, tokenizer.Encode("𝟙a", true));
    }

    [Theory]
    [InlineData("""{"model": {"type": "WordPiece", "vocab": {"a": 0}}}""", "model.type")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {}}}""", "model.vocab")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}}}""", "model.vocab")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}}""", "model.merges.0")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]}}""", "model.merges.0")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}}, "normalizer": {"type": "BertNormalizer"}}""", "normalizer.type")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}}, "normalizer": {"type": "Nmt"}}""", "normalizer.type")]
    [InlineData(
        """{"model": {"type": "BPE", "vocab": {"a": 0}}, "pre_tokenizer": {"type": "Whitespace"}}""", "pre_tokenizer.type")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}}, "decoder": {"type": "WordPiece"}}""", "decoder.type")]
    [InlineData(
        """{"model": {"type": "BPE", "vocab": {"a": 0}}, "post_processor": {"type": "BertProcessing"}}""", "post_processor.type")]
    [InlineData(
        """{"model": {"type": "BPE", "vocab": {"a": 0}}, "added_tokens": [{"id": 0, "content": "x"}]}""", "added_tokens.0.id")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": "x"}}}""", "model.vocab.a")]
    [InlineData("""{"added_tokens": []}""", "\"model\" is missing")]
    [InlineData("""[]""", "not a JSON object")]
    [InlineData("""{"model": """, "not a JSON object")]
    public void What_is_not_supported_or_not_right_is_named(string json, string named)
    {
        var message = Bad(json);
        Assert.Contains("tokenizer.json", message);
        Assert.Contains(named, message);
    }

    [Fact]
    public void More_ids_than_rows_of_embeddings_are_refused_and_fewer_allowed()
    {
        const string json = """{"model": {"type": "BPE", "vocab": {"a": 0, "b": 9}}}""";
        var message = Assert.Throws<BadInputException>(() => Open(json, 9)).Message;
        Assert.Contains("10", message);
        Assert.Contains("has 9", message);
        Assert.Equal(10, Open(json, 16).Count);
    }

    [Fact]
    public void A_folder_without_a_tokenizer_is_refused()
    {
        using var folder = new TinyFolder();
        Assert.Contains("tokenizer.json", Assert.Throws<BadInputException>(() => TokenizerLoader.Open(folder.Path)).Message);
    }
}
