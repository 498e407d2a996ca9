using System.Text.Json.Nodes;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evaluation.Tokenizers;
using Pedigree.Weights;
using Xunit;

namespace Pedigree.Evaluation.Tests.Tasks;

/// <summary>Prompts put as messages, by the harness's rules (lm_eval/api/task.py, fewshot_context and construct_requests).</summary>
public sealed class ChatTests : IDisposable
{
    /// <summary>Every message between brackets, and the answer's beginning.</summary>
    private const string Brackets = "{{ bos_token }}{% for m in messages %}[{{ m.role }}: {{ m.content }}]{% endfor %}{% if add_generation_prompt %}[assistant: {% endif %}";

    private readonly TinyFolder folder = new();

    public ChatTests()
    {
        folder.Checkpoint();
        folder.File("rows.jsonl", """
            {"q": "one", "choices": ["xx", "yy"], "answer": 1}
            {"q": "two", "choices": ["zz", "ww"], "answer": 0}

            """);
        folder.File("task.yaml", """
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

    public void Dispose() => folder.Dispose();

    private void Template(string template, string file = "tokenizer_config.json") => folder.File(file, file == "tokenizer_config.json"
        ? new JsonObject { ["bos_token"] = "<end>", ["eos_token"] = "<end>", ["chat_template"] = template }.ToJsonString() : template);

    private EvaluationTask Load(ChatSettings chat) => TaskLoader.Load(folder.Path, "task.yaml", chat: chat);

    private TextRequest Asked(ChatSettings chat) => Evaluator.Evaluate(folder.Path, [Load(chat)], new() { Device = "cpu" }).Tasks[0].Items[0].Item.Requests[1];

    [Fact]
    public void Examples_are_messages_of_their_own_and_a_choice_follows_without_delimiter() =>
        Assert.Equal(new TextRequest("<end>[system: be kind.\n\nbe brief.][user: q: zero][assistant: aa][user: q: one][assistant: ", "yy"),
            Asked(new(ApplyTemplate: true, SystemInstruction: "be kind.")));

    [Fact]
    public void Examples_are_one_message_with_the_question_where_that_is_asked_for() =>
        Assert.Equal(new TextRequest("<end>[system: be brief.][user: q: zero aa\n\nq: one][assistant: ", "yy"),
            Asked(new(ApplyTemplate: true, FewshotAsMultiturn: false)));

    [Fact]
    public void A_system_instruction_without_a_template_begins_the_plain_prompt() =>
        Assert.Equal(new TextRequest("be kind.\nbe brief.q: zero aa\n\nq: one", " yy"), Asked(new(SystemInstruction: "be kind.\n")));

    [Fact]
    public void A_template_that_takes_no_system_message_gets_none()
    {
        Template("{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + Brackets);
        Assert.Equal("<end>[user: q: zero][assistant: aa][user: q: one][assistant: ", Asked(new(ApplyTemplate: true)).Context);
        Template("{{ raise_exception('never') }}");
        Assert.Contains("never", Assert.Throws<BadInputException>(() => Asked(new(ApplyTemplate: true))).Message);
    }

    [Fact]
    public void A_template_may_lie_in_a_file_of_its_own_or_be_named_default_among_several()
    {
        folder.File("tokenizer_config.json", """{"chat_template": [{"name": "tools", "template": "no"}, {"name": "default", "template": "default:"}]}""");
        Assert.Equal("default:", Asked(new(ApplyTemplate: true)).Context);
        Template("file:", "chat_template.jinja");
        Assert.Equal("file:", Asked(new(ApplyTemplate: true)).Context);
    }

    [Fact]
    public void A_model_without_a_template_is_refused()
    {
        folder.File("tokenizer_config.json", """{"eos_token": "<end>"}""");
        Assert.Equal("chat_template", Assert.Throws<BadInputException>(() => Asked(new(ApplyTemplate: true))).Field);
    }

    [Fact]
    public void Each_way_of_putting_a_task_is_another_task()
    {
        ChatSettings[] ways = [new(), new(true), new(true, false), new(true, null, "x"), new(false, null, "x")];
        Assert.Equal(ways.Length, ways.Select(way => Load(way).Digest).Distinct().Count());
        Assert.Equal(Load(new(true)).Digest, Load(new(true, true)).Digest);
    }

    [Fact]
    public void A_text_that_begins_with_the_beginning_token_gets_no_second_one()
    {
        folder.File("tokenizer.json", """
            {"added_tokens": [{"id": 0, "content": "<s>", "special": true}], "decoder": {"type": "Fuse"},
             "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
             "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1}, "merges": []}}
            """);
        folder.File("tokenizer_config.json", """{"bos_token": "<s>"}""");
        var tokenizer = TokenizerLoader.Open(folder.Path);
        Assert.Equal([0, 1], RequestEncoder.Encode(tokenizer, "<s>a"));
        Assert.Equal([0, 1], RequestEncoder.Encode(tokenizer, "a"));
        Assert.Equal([0, 1, 1], RequestEncoder.Encode(tokenizer, 8, new TextRequest("<s>a", "a"), ("file", "row")).Tokens);
    }
}
