using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace Pedigree.Evaluation.Tests;

/// <summary>
/// A folder that goes when the test ends, with writers for a real checkpoint of a few thousand random parameters.
/// </summary>
internal sealed class TinyFolder : IDisposable
{
    public const string Characters = "abcdefghijklmnopqrstuvwxyz0123456789 :;?.,-_#>$\n";

    public string Path { get; } = Directory.CreateTempSubdirectory("pedigree-").FullName;

    public string File(string name, string text)
    {
        var path = System.IO.Path.Combine(Path, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    /// <summary>A byte-level tokenizer of single characters: end is 0, then the characters in order.</summary>
    public void CharacterTokenizer()
    {
        var vocabulary = new JsonObject { ["<end>"] = 0 };
        foreach (var character in Characters)
            vocabulary[character switch { ' ' => "Ġ", '\n' => "Ċ", _ => character.ToString() }] = vocabulary.Count;
        File("tokenizer.json", new JsonObject
        {
            ["added_tokens"] = new JsonArray(new JsonObject { ["id"] = 0, ["content"] = "<end>", ["special"] = true }),
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = true },
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        }.ToJsonString());
        File("tokenizer_config.json", """{"eos_token": "<end>", "bos_token": "<end>"}""");
    }

    /// <summary>A Llama checkpoint of random float32 weights, with the character tokenizer.</summary>
    public string Checkpoint(int seed = 1, int context = 128, int rows = 49)
    {
        CharacterTokenizer();
        const int width = 16, inner = 32, layers = 2;
        File("config.json", new JsonObject
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = "llama",
            ["hidden_size"] = width,
            ["intermediate_size"] = inner,
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = 2,
            ["num_key_value_heads"] = 1,
            ["vocab_size"] = rows,
            ["max_position_embeddings"] = context,
            ["rms_norm_eps"] = 1e-5,
            ["rope_theta"] = 10000.0,
            ["hidden_act"] = "silu",
            ["tie_word_embeddings"] = false,
            ["torch_dtype"] = "float32",
            ["bos_token_id"] = 0,
            ["eos_token_id"] = 0,
        }.ToJsonString());
        var shapes = new List<(string Name, int[] Shape)>
        {
            ("model.embed_tokens.weight", [rows, width]), ("lm_head.weight", [rows, width]), ("model.norm.weight", [width]),
        };
        for (var layer = 0; layer < layers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            shapes.AddRange(
            [
                (prefix + "input_layernorm.weight", [width]), (prefix + "post_attention_layernorm.weight", [width]),
                (prefix + "self_attn.q_proj.weight", [width, width]), (prefix + "self_attn.k_proj.weight", [width / 2, width]),
                (prefix + "self_attn.v_proj.weight", [width / 2, width]), (prefix + "self_attn.o_proj.weight", [width, width]),
                (prefix + "mlp.gate_proj.weight", [inner, width]), (prefix + "mlp.up_proj.weight", [inner, width]),
                (prefix + "mlp.down_proj.weight", [width, inner]),
            ]);
        }
        var random = new Random(seed);
        var header = new JsonObject();
        var data = new List<float>();
        foreach (var (name, shape) in shapes)
        {
            var count = shape.Aggregate(1, (product, size) => product * size);
            header[name] = new JsonObject
            {
                ["dtype"] = "F32",
                ["shape"] = new JsonArray([.. shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(data.Count * 4, (data.Count + count) * 4),
            };
            for (var i = 0; i < count; i++)
                data.Add(shape.Length == 1 ? 1 : (float)(random.NextDouble() - 0.5));
        }
        var text = Encoding.UTF8.GetBytes(header.ToJsonString());
        using var stream = System.IO.File.Create(System.IO.Path.Combine(Path, "model.safetensors"));
        stream.Write(BitConverter.GetBytes((long)text.Length));
        stream.Write(text);
        stream.Write(MemoryMarshal.AsBytes(data.ToArray().AsSpan()));
        return Path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
