using System.Text.Json.Nodes;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using Pedigree.Weights.References;
using Pedigree.Weights.Tests.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Merging;

public sealed class TokenizerMergeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TokenizerMergeTests()
    {
        // In b some tokens have other numbers, some are missing, one is new.
        Write("a", 1, ["x", "y", "z", "xy"], ["<s>"]);
        Write("b", 2, ["y", "x", "w"], ["<s>", "<|end|>"]);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_union_has_the_bases_tokens_first_and_rows_from_whoever_has_them()
    {
        using var child = await MergeAsync("base_model: a\ntokenizer_source: union");
        string[] tokens = ["x", "y", "z", "xy", "<s>", "w", "<|end|>"];
        Assert.Equal(tokens, Tokens("child"));
        Assert.Equal(7, (int)child.Config["vocab_size"]!);
        foreach (var tensor in new[] { "model.embed_tokens.weight", "lm_head.weight" })
        {
            double[][] a = Rows("a", tensor), b = Rows("b", tensor);
            // x, y and <s> are in both; z and xy in a alone; w and <|end|> in b alone.
            double[][] expected = [Mean(a[0], b[1]), Mean(a[1], b[0]), a[2], a[3], Mean(a[4], b[3]), b[2], b[4]];
            Equal(expected, Rows("child", tensor));
        }
        var config = Json("child/tokenizer_config.json");
        Assert.Equal("<|end|>", (string?)config["added_tokens_decoder"]!["6"]!["content"]);
        Assert.True((bool)config["added_tokens_decoder"]!["6"]!["special"]!);
        Assert.False(File.Exists(_folder["child/tokenizer.model"]));
    }

    [Fact]
    public async Task Without_a_base_the_row_of_a_token_that_a_model_lacks_is_the_mean_of_those_that_have_it()
    {
        Write("c", 3, ["v"], []);
        using var child = await MergeAsync("tokenizer_source: union", "a", "b", "c");
        var tensor = "model.embed_tokens.weight";
        double[][] a = Rows("a", tensor), b = Rows("b", tensor), c = Rows("c", tensor);
        // x: a and b have it, c gets their mean; v: c alone has it, so a and b get its row.
        var x = Mean(a[0], b[1]);
        Equal(
            [Mean(a[0], b[1], x), c[0]], [Rows("child", tensor)[0], Rows("child", tensor)[Array.IndexOf(Tokens("child"), "v")]]);
    }

    [Fact]
    public async Task An_added_token_without_its_text_is_refused()
    {
        var tokenizer = Json("b/tokenizer.json");
        ((JsonArray)tokenizer["added_tokens"]!).Add(new JsonObject { ["id"] = 9 });
        File.WriteAllText(_folder["b/tokenizer.json"], tokenizer.ToJsonString());
        var error = await Assert.ThrowsAsync<BadInputException>(() => MergeAsync("base_model: a\ntokenizer_source: union"));
        Assert.Contains(_folder["b/tokenizer.json"], error.Message);
        Assert.Contains("added_tokens", error.Message);
    }

    [Fact]
    public async Task The_tokenizer_of_the_base_leaves_out_what_only_others_have()
    {
        using var child = await MergeAsync("base_model: a\ntokenizer_source: base");
        Assert.Equal(["x", "y", "z", "xy", "<s>"], Tokens("child"));
        Assert.Equal([5, 8], child.Find("lm_head.weight")!.Shape);
        Assert.Equal(File.ReadAllText(_folder["a/tokenizer.json"]), File.ReadAllText(_folder["child/tokenizer.json"]));
        Assert.True(File.Exists(_folder["child/tokenizer.model"]));
    }

    [Fact]
    public async Task The_tokenizer_of_a_model_comes_with_its_special_tokens()
    {
        using var child = await MergeAsync("base_model: a\ntokenizer: {source: b}");
        Assert.Equal(["y", "x", "w", "<s>", "<|end|>"], Tokens("child"));
        Equal([Mean(Rows("a", "lm_head.weight")[1], Rows("b", "lm_head.weight")[0])], Rows("child", "lm_head.weight")[..1]);
        Assert.Equal(4, (int)child.Config["eos_token_id"]!);
    }

    [Fact]
    public async Task The_recipe_knows_the_tokenizer_of_a_model_that_is_not_merged_by_its_files_whatever_it_is_called()
    {
        Write("c", 3, ["x", "v"], ["<s>"]);
        async Task<string> DigestAsync(string tokenizer)
        {
            using var merge = await OpenAsync($"base_model: a\ntokenizer_source: {tokenizer}");
            return merge.Recipe.Digest;
        }
        var digest = await DigestAsync("c");
        Assert.Equal(digest, await DigestAsync("./c"));
        File.AppendAllText(_folder["c/tokenizer_config.json"], "\n");
        Assert.NotEqual(digest, await DigestAsync("c"));
    }

    [Fact]
    public async Task Tokens_can_be_given_rows_of_their_own_and_the_number_of_rows_a_multiple()
    {
        using var child = await MergeAsync("""
            base_model: a
            tokenizer:
              source: base
              pad_to_multiple_of: 8
              tokens:
                "<|new|>": {source: {kind: model_token, model: b, token: w}}
                "<|other|>": {source: {kind: model_token, model: a, token_id: 2}}
                z: {source: {kind: zero}, force: true}
                "y": {source: b, force: true}
                xy: {source: {kind: zero}}
            """);
        Assert.Equal(["x", "y", "z", "xy", "<s>", "<|new|>", "<|other|>"], Tokens("child"));
        var rows = Rows("child", "model.embed_tokens.weight");
        double[][] a = Rows("a", "model.embed_tokens.weight"), b = Rows("b", "model.embed_tokens.weight");
        double[][] expected = [Mean(a[0], b[1]), b[0], new double[8], Mean(a[3], new double[8]), Mean(a[4], b[3]), b[2], a[2]];
        Equal([.. expected, Mean(expected)], rows);
        Assert.Equal(8, (int)child.Config["vocab_size"]!);
    }

    [Fact]
    public async Task Tokens_without_a_row_are_left_out_with_the_merges_that_make_them()
    {
        var tokenizer = Json("a/tokenizer.json");
        tokenizer["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = 5, ["content"] = "<|beyond|>", ["special"] = true });
        File.WriteAllText(_folder["a/tokenizer.json"], tokenizer.ToJsonString());
        using var child = await MergeAsync("base_model: a\ntokenizer_source: base");
        Assert.DoesNotContain("<|beyond|>", Tokens("child"));
    }

    [Fact]
    public async Task A_number_that_was_a_left_out_tokens_is_another_tokens_in_the_tokenizers_config_too()
    {
        var tokenizer = Json("a/tokenizer.json");
        JsonObject beyond = new() { ["id"] = 5, ["content"] = "<|beyond|>", ["special"] = true };
        tokenizer["added_tokens"]!.AsArray().Add(beyond);
        File.WriteAllText(_folder["a/tokenizer.json"], tokenizer.ToJsonString());
        var config = Json("a/tokenizer_config.json");
        config["added_tokens_decoder"]!["5"] = beyond.DeepClone();
        File.WriteAllText(_folder["a/tokenizer_config.json"], config.ToJsonString());
        using var child = await MergeAsync("base_model: a\ntokenizer_source: union");
        Assert.Equal("w", Tokens("child")[5]);
        Assert.Equal("w", (string?)Json("child/tokenizer_config.json")["added_tokens_decoder"]!["5"]!["content"]);
    }

    [Theory]
    [InlineData("chatml", "<|im_start|>")]
    [InlineData("auto", "of b")]
    [InlineData("'{% for m in messages %}{{ m.content }}{% endfor %}'", "m.content")]
    public async Task A_chat_template_is_written_beside_the_tokenizer(string template, string expected)
    {
        File.WriteAllText(_folder["a/chat_template.jinja"], "{{ 'of a' }}");
        foreach (var model in new[] { "b", "c" })
        {
            Write(model, 4, ["x", "y", "z", "xy"], ["<s>"]);
            File.WriteAllText(_folder[$"{model}/tokenizer_config.json"], """{"chat_template":"{{ 'of b' }}"}""");
        }
        using var child = await MergeAsync($"chat_template: {template}", "a", "b", "c");
        Assert.Contains(expected, (string?)Json("child/tokenizer_config.json")["chat_template"]);
        Assert.False(File.Exists(_folder["child/chat_template.jinja"]));
    }

    [Theory]
    [InlineData(
        "tokenizer_source: union\ntokenizer: {source: base}", "tokenizer (line 5", "either `tokenizer_source` or `tokenizer`")]
    [InlineData("tokenizer: {source: union, token: {}}", "tokenizer.token (line 4", "did you mean `tokens`?")]
    [InlineData("tokenizer: {tokens: {q: {source: c}}}", "tokenizer.tokens.q.source (line 4, column 34)",
        "must be one of the models that are merged")]
    [InlineData("tokenizer: {tokens: {q: {source: {kind: none}}}}", "kind (line 4, column 41)", "use model_token or zero")]
    [InlineData("tokenizer: {tokens: {q: {source: {kind: model_token, model: a}}}}", "source (line 4, column 34)",
        "either `token` or `token_id`")]
    [InlineData("tokenizer: {tokens: {q: {source: {kind: model_token, model: a, token: nowhere}}}}", "source (line 4, column 34)",
        "`nowhere` is not a token of `a`")]
    [InlineData("tokenizer: {tokens: {q: {source: {kind: model_token, model: a, token_id: 9}}}}", "source (line 4, column 34)",
        "`a` has 5 rows")]
    [InlineData("tokenizer: {tokens: {w: {source: a}}}", "source (line 4, column 34)", "`w` is not a token of `a`")]
    [InlineData("tokenizer: {pad_to_multiple_of: 0}", "pad_to_multiple_of (line 4", "from 1 to")]
    [InlineData("chat_template: chatlm", "chat_template (line 4", "auto, alpaca, chatml")]
    public async Task Wrong_settings_are_one_error_with_its_place(string text, string field, string expected)
    {
        var error = await Assert.ThrowsAsync<BadInputException>(() => MergeAsync(text));
        Assert.Contains(field, error.Field);
        Assert.Contains(expected, error.Message);
        Assert.False(Directory.Exists(_folder["child"]));
        Assert.Empty(Directory.GetDirectories(_folder.Path, "*scratch*"));
    }

    private void Write(string model, int seed, string[] words, string[] added)
    {
        Architectures.Write(_folder[model], "llama", seed, vocabulary: words.Length + added.Length);
        var entries = added.Select((token, i) => new JsonObject
        {
            ["id"] = words.Length + i,
            ["content"] = token,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
            ["special"] = true,
        }).ToArray();
        JsonObject tokenizer = new()
        {
            ["added_tokens"] = new JsonArray([.. entries.Select(entry => entry.DeepClone())]),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = new JsonObject(words.Select((word, id) => KeyValuePair.Create(word, (JsonNode?)id))),
                ["merges"] = new JsonArray("x y"),
            },
        };
        File.WriteAllText(_folder[$"{model}/tokenizer.json"], tokenizer.ToJsonString(new() { WriteIndented = true }));
        File.WriteAllText(_folder[$"{model}/tokenizer_config.json"], new JsonObject
        {
            ["added_tokens_decoder"] = new JsonObject(
                entries.Select(entry => KeyValuePair.Create(entry["id"]!.ToString(), (JsonNode?)entry.DeepClone()))),
        }.ToJsonString());
        File.WriteAllText(_folder[$"{model}/tokenizer.model"], "older");
        var config = Json($"{model}/config.json");
        config["eos_token_id"] = words.Length + added.Length - 1;
        File.WriteAllText(_folder[$"{model}/config.json"], config.ToJsonString());
    }

    private Task<ConfiguredMerge> OpenAsync(string text, params string[] models)
    {
        string[] names = models.Length > 0 ? models : ["a", "b"];
        var config = MergeConfig.Parse("c.yml", $"merge_method: linear\nparameters: {{weight: 1}}\nmodels: "
            + $"[{string.Join(", ", names.Select(name => $"{{model: {name}}}"))}]\n{text}");
        return ConfiguredMerge.OpenAsync(config,
            _folder.Path, new ModelLocator(new(new("http://127.0.0.1:9/"), _folder["cache"], Offline: true)), _folder["scratch"]);
    }

    private async Task<Checkpoint> MergeAsync(string text, params string[] models)
    {
        using var merge = await OpenAsync(text, models);
        merge.Write(_folder["child"]);
        return Checkpoint.Open(_folder["child"]);
    }

    private JsonObject Json(string path) => (JsonObject)JsonNode.Parse(File.ReadAllText(_folder[path]))!;

    private string[] Tokens(string model)
    {
        var tokenizer = Json($"{model}/tokenizer.json");
        return [.. tokenizer["model"]!["vocab"]!.AsObject().Select(token => (token.Key, Id: (int)token.Value!))
            .Concat(tokenizer["added_tokens"]!.AsArray().Select(entry => ((string)entry!["content"]!, (int)entry["id"]!)))
            .OrderBy(token => token.Item2)
            .Select(token => token.Item1)];
    }

    private double[][] Rows(string model, string tensor)
    {
        using var checkpoint = Checkpoint.Open(_folder[model]);
        return [.. Model.Read(checkpoint.Find(tensor)!).Chunk(8)];
    }

    private static double[] Mean(params double[][] rows) => [.. rows[0].Select((_, i) => rows.Average(row => row[i]))];

    private static void Equal(double[][] expected, double[][] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var row = 0; row < expected.Length; row++)
            Assert.All(expected[row].Zip(actual[row]), pair => Assert.Equal(pair.First, pair.Second, 1e-6));
    }
}
