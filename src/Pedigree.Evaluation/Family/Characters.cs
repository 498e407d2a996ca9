using System.Text.Json.Nodes;

namespace Pedigree.Evaluation.Family;

/// <summary>
/// The sample family's tokenizer: one token a character, written as byte-level BPE without merges, which Hugging Face's
/// tokenizers read too.
/// </summary>
internal static class Characters
{
    private const string EndOfText = "</s>";
    private const string Alphabet = "\n =abcdefghijklmnopqrstuvwxyz";

    /// <summary>Tokens, the end of text (id 0) included.</summary>
    public static int Count => Alphabet.Length + 1;

    public static int[] Encode(string text) => [.. text.Select(character => Alphabet.IndexOf(character) + 1)];

    public static IReadOnlyDictionary<string, JsonObject> Files()
    {
        var vocabulary = new JsonObject { [EndOfText] = 0 };
        for (var i = 0; i < Alphabet.Length; i++)
            vocabulary[ByteLevel(Alphabet[i])] = i + 1;
        return new Dictionary<string, JsonObject>
        {
            ["tokenizer.json"] = new()
            {
                ["version"] = "1.0",
                ["truncation"] = null,
                ["padding"] = null,
                ["added_tokens"] = new JsonArray(new JsonObject
                {
                    ["id"] = 0,
                    ["content"] = EndOfText,
                    ["single_word"] = false,
                    ["lstrip"] = false,
                    ["rstrip"] = false,
                    ["normalized"] = false,
                    ["special"] = true,
                }),
                ["normalizer"] = null,
                ["pre_tokenizer"] = ByteLevelStep(),
                ["post_processor"] = null,
                ["decoder"] = ByteLevelStep(),
                ["model"] = new JsonObject
                {
                    ["type"] = "BPE",
                    ["dropout"] = null,
                    ["unk_token"] = null,
                    ["continuing_subword_prefix"] = null,
                    ["end_of_word_suffix"] = null,
                    ["fuse_unk"] = false,
                    ["byte_fallback"] = false,
                    ["vocab"] = vocabulary,
                    ["merges"] = new JsonArray(),
                },
            },
            ["tokenizer_config.json"] = new()
            {
                ["tokenizer_class"] = "PreTrainedTokenizerFast",
                ["eos_token"] = EndOfText,
                ["pad_token"] = EndOfText,
                ["add_bos_token"] = false,
                ["clean_up_tokenization_spaces"] = false,
                ["model_max_length"] = FamilyTrainer.ContextLength,
            },
            ["special_tokens_map.json"] = new() { ["eos_token"] = EndOfText, ["pad_token"] = EndOfText },
        };
    }

    private static JsonObject ByteLevelStep() =>
        new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };

    /// <summary>GPT-2's visible stand-in for a byte: bytes up to the space are moved up by 256.</summary>
    private static string ByteLevel(char character) => (character <= ' ' ? (char)(character + 256) : character).ToString();
}
