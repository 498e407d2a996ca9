using System.Text.Json.Nodes;
using Pedigree.Evaluation.Harness;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tasks;

/// <summary>
/// Prompts put as messages, by the harness's rules (lm_eval/api/task.py, fewshot_context and construct_requests).
/// </summary>
public sealed class ChatTests : IDisposable
{
    /// <summary>Every message between brackets, and the answer's beginning.</summary>
    private const string Brackets = "{{ bos_token }}{% for m in messages %}[{{ m.role }}: {{ m.content }}]{% endfor "
        + "%}{% if add_generation_prompt %}[assistant: {% endif %}";

    private static readonly JsonObject Golden =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Tasks", "golden", "chat.json")))!.AsObject();

    private readonly TinyFolder _folder = new();

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Golden["cases"]!.AsArray().Count)];

    public ChatTests()
    {
        _folder.Checkpoint();
        _folder.File("rows.jsonl", """
            {"q": "one", "choices": ["xx", "yy"], "answer": 1}
            {"q": "two", "choices": ["zz", "ww"], "answer": 0}

            """);
        _folder.File("task.yaml", """
            task: chat
            output_type: multiple_choice
            description: "be brief."
            doc_to_text: "q: {{q}}"
            doc_to_choice: choices
            doc_to_target: answer
            data: rows.jsonl
            num_fewshot: 1
            fewshot_config: {sampler: first_n, samples: [{q: "zero", choices: ["aa", "bb"], answer: 0}]}
            """);
        Template(Brackets);
    }

    public void Dispose() => _folder.Dispose();

    private void Template(string template, string file = "tokenizer_config.json") =>
        _folder.File(file, file == "tokenizer_config.json"
            ? new JsonObject { ["bos_token"] = "<end>", ["eos_token"] = "<end>", ["chat_template"] = template }.ToJsonString()
            : template);

    private EvaluationTask Load(ChatSettings chat) => TaskLoader.Load(_folder.Path, "task.yaml", chat: chat);

    private TextRequest Asked(ChatSettings chat) =>
        Evaluator.Evaluate(_folder.Path, [Load(chat)], new() { Device = "cpu" }).Tasks[0].Items[0].Item.Requests[1];

    [Fact]
    public void Examples_are_messages_of_their_own_and_a_choice_follows_without_delimiter() =>
        Assert.Equal(
            new TextRequest("<end>[system: be kind.\n\nbe brief.][user: q: zero][assistant: aa][user: q: one][assistant: ", "yy"),
            Asked(new(ApplyTemplate: true, SystemInstruction: "be kind.")));

    [Fact]
    public void Examples_are_one_message_with_the_question_where_that_is_asked_for() =>
        Assert.Equal(new TextRequest("<end>[system: be brief.][user: q: zero aa\n\nq: one][assistant: ", "yy"),
            Asked(new(ApplyTemplate: true, FewshotAsMultiturn: false)));

    [Fact]
    public void A_system_instruction_without_a_template_begins_the_plain_prompt() =>
        Assert.Equal(
            new TextRequest("be kind.\nbe brief.q: zero aa\n\nq: one", " yy"), Asked(new(SystemInstruction: "be kind.\n")));

    [Fact]
    public void A_template_that_takes_no_system_message_gets_none()
    {
        Template("{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + Brackets);
        Assert.Equal("<end>[user: q: zero][assistant: aa][user: q: one][assistant: ", Asked(new(ApplyTemplate: true)).Context);
        Template("{{ raise_exception('never') }}");
        Assert.Contains("never", Assert.Throws<BadInputException>(() => Asked(new(ApplyTemplate: true))).Message);
    }

    [Fact]
    public void A_template_may_lie_in_a_file_of_its_own_or_be_one_of_several_by_name()
    {
        _folder.File("tokenizer_config.json",
            """{"chat_template": [{"name": "tool_use", "template": "tools:"}, {"name": "default", "template": "default:"}]}""");
        Assert.Equal("default:", Asked(new(ApplyTemplate: true)).Context);
        Assert.Equal("tools:", Asked(new(ApplyTemplate: true, TemplateName: "tool_use")).Context);
        Assert.Contains("no template named rag; there is tool_use, default",
            Assert.Throws<BadInputException>(() => Asked(new(ApplyTemplate: true, TemplateName: "rag"))).Message);
        Template("file:", "chat_template.jinja");
        Assert.Equal("file:", Asked(new(ApplyTemplate: true)).Context);
        Assert.Equal("tools:", Asked(new(ApplyTemplate: true, TemplateName: "tool_use")).Context);
    }

    /// <summary>
    /// golden/make_chat.py says the harness's rules in Python: turns, delimiters, the beginnings of answers
    /// (gen_prefix), partial evaluation.
    /// </summary>
    [Theory, MemberData(nameof(Cases))]
    public void Prompts_are_those_of_the_harness_with_and_without_a_template(int number)
    {
        var golden = Golden["cases"]![number]!;
        var definition = golden["task"]!.DeepClone().AsObject();
        (definition["task"], definition["data"]) = ("golden", "golden.jsonl");
        _folder.File("golden.yaml", definition.ToJsonString());
        _folder.File("golden.jsonl", string.Concat(Golden["rows"]!.AsArray().Select(row => row!.ToJsonString() + "\n")));
        var name = (string?)golden["template"];
        var task = TaskLoader.Load(_folder.Path, "golden.yaml", fewshot: (int)golden["fewshot"]!,
            chat: new(name is not null, (bool?)golden["multiturn"], (string?)golden["system"], name));
        if (name is not null)
        {
            _folder.File("tokenizer_config.json", new JsonObject
            {
                ["bos_token"] = "<s>",
                ["chat_template"] = new JsonArray([.. Golden["templates"]!.AsObject()
                    .Select(template => new JsonObject { ["name"] = template.Key, ["template"] = (string)template.Value! })]),
            }.ToJsonString());
            task = task.Rendered(ChatTemplate.Open(_folder.Path, name));
        }
        foreach (var (item, requests) in task.Items.Zip(golden["requests"]!.AsArray()))
            Assert.Equal(requests!.AsArray().Select(pair => new TextRequest((string)pair![0]!, (string)pair[1]!)), item.Requests);
    }

    [Fact]
    public void A_template_that_leaves_out_the_beginning_of_an_answer_is_refused()
    {
        _folder.File("task.yaml", File.ReadAllText(Path.Combine(_folder.Path, "task.yaml")) + "\ngen_prefix: Well,\n");
        Template("{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}");
        Assert.Contains("leaves out the beginning of the answer",
            Assert.Throws<BadInputException>(() => Asked(new(ApplyTemplate: true))).Message);
    }

    [Fact]
    public void Messages_without_a_template_are_refused() =>
        Assert.Equal("fewshot_as_multiturn", Assert.Throws<BadInputException>(() => Load(new(FewshotAsMultiturn: true))).Field);

    [Fact]
    public void The_results_file_says_how_prompts_were_put_under_the_keys_of_the_harness()
    {
        Assert.Equal((null, null, null, null, null), Kept(new()));
        // Digests as sha256sum writes them.
        const string Sha256 = "bb0176da02383e938e8d6c25b22be61026d52766ab5459e8c2de560e75038cc8";
        Assert.Equal(("Be kind.", "5499befb38dbf3fcc08107141cb2a9e7f42a6aae403361dc3601b8296d7967ea", null, null, null),
            Kept(new(SystemInstruction: "Be kind.")));
        Template("{{ 1 }}");
        Assert.Equal((null, null, true, "{{ 1 }}", Sha256), Kept(new(ApplyTemplate: true)));
        Assert.Equal((null, null, false, "{{ 1 }}", Sha256), Kept(new(ApplyTemplate: true, FewshotAsMultiturn: false)));

        (string?, string?, bool?, string?, string?) Kept(ChatSettings chat)
        {
            using var output = new TinyFolder();
            var results = Evaluator.Evaluate(_folder.Path, [Load(chat)], new() { Device = "cpu" });
            var file = HarnessFiles.Write(
                results, output.Path, _folder.Path, new(), samples: false, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch);
            var json = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
            Assert.True(json.ContainsKey("chat_template_sha") && json.ContainsKey("system_instruction_sha"));
            return ((string?)json["system_instruction"], (string?)json["system_instruction_sha"],
                (bool?)json["fewshot_as_multiturn"], (string?)json["chat_template"], (string?)json["chat_template_sha"]);
        }
    }

    [Fact]
    public void A_model_without_a_template_is_refused()
    {
        _folder.File("tokenizer_config.json", """{"eos_token": "<end>"}""");
        Assert.Equal("chat_template", Assert.Throws<BadInputException>(() => Asked(new(ApplyTemplate: true))).Field);
    }

    [Fact]
    public void Each_way_of_putting_a_task_is_another_task()
    {
        ChatSettings[] ways =
            [new(), new(true), new(true, false), new(true, null, "x"), new(false, null, "x"), new(true, TemplateName: "x")];
        Assert.Equal(ways.Length, ways.Select(way => Load(way).Digest).Distinct().Count());
        Assert.Equal(Load(new(true)).Digest, Load(new(true, true)).Digest);
    }

    [Fact]
    public void A_text_that_begins_with_the_beginning_token_gets_no_second_one()
    {
        _folder.File("tokenizer.json", """
            {"added_tokens": [{"id": 0, "content": "<s>", "special": true}], "decoder": {"type": "Fuse"},
             "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
             "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1}, "merges": []}}
            """);
        _folder.File("tokenizer_config.json", """{"bos_token": "<s>"}""");
        var tokenizer = TokenizerLoader.Open(_folder.Path);
        Assert.Equal([0, 1], RequestEncoder.Encode(tokenizer, "<s>a"));
        Assert.Equal([0, 1], RequestEncoder.Encode(tokenizer, "a"));
        Assert.Equal([0, 1, 1], RequestEncoder.Encode(tokenizer, 8, new TextRequest("<s>a", "a"), ("file", "row")).Tokens);
    }
}
