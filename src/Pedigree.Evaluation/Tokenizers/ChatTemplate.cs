using System.Text.Json.Nodes;
using Pedigree.Evaluation.Jinja;
using Pedigree.Evaluation.Tasks;
using Pedigree.Weights;

namespace Pedigree.Evaluation.Tokenizers;

/// <summary>
/// How a model writes a conversation: the Jinja2 template in chat_template.jinja or tokenizer_config.json. It knows no date
/// (strftime_now), so that a score is the same on any day: templates that would tell the date tell their own.
/// </summary>
internal sealed class ChatTemplate
{
    private readonly string _file;
    private readonly JinjaTemplate _template;
    private readonly JsonObject _tokens;

    /// <summary>The name of the template that is used where none is asked for.</summary>
    public const string Default = "default";

    /// <summary>
    /// Follows the beginning of an answer, so that it is found in what a template writes; the transformers library's own.
    /// </summary>
    private const string EndMark = "CONTINUE_FINAL_MESSAGE_TAG ";

    private ChatTemplate(string file, string source, JsonObject tokens)
    {
        (_file, Source, _tokens) = (file, source, tokens);
        try
        {
            _template = JinjaTemplate.Parse(source, JinjaSettings.Chat);
        }
        catch (JinjaException error)
        {
            throw new BadInputException(file, "chat_template", $"line {error.Line}: {error.Message}");
        }
    }

    /// <summary>The template's text.</summary>
    public string Source { get; }

    /// <summary>The name of the template that a task's prompts are written with.</summary>
    public static string NameOf(EvaluationTask task) => task.Chat.TemplateName ?? Default;

    /// <summary>The templates that tasks ask of the model in a folder, by name.</summary>
    /// <exception cref="BadInputException">The folder lacks one, or has one that cannot be read.</exception>
    public static IReadOnlyDictionary<string, ChatTemplate> Of(IEnumerable<EvaluationTask> tasks, string folder) =>
        tasks.Where(task => task.Chat.ApplyTemplate).Select(NameOf).Distinct().ToDictionary(
            name => name, name => Open(folder, name));

    /// <summary>
    /// Reads the template of a model, of several the one of that name: in a file of its own, or else in tokenizer_config.json.
    /// </summary>
    /// <exception cref="BadInputException">The folder has no template of that name, or one that cannot be read.</exception>
    public static ChatTemplate Open(string folder, string name = Default)
    {
        var (settingsFile, templateFile) =
            (Path.Combine(folder, "tokenizer_config.json"), Path.Combine(folder, "chat_template.jinja"));
        var settings = File.Exists(settingsFile) ? JsonReader.Open(settingsFile) : null;
        Dictionary<string, (string File, string Text)> templates = [];
        if (settings?.Child("chat_template") is { } given)
        {
            foreach (var (own, text) in given.IsArray
                ? given.Items().Select(item => (item.Required("name").Text(), item.Required("template").Text()))
                : [(Default, given.Text())])
                templates[own] = (settingsFile, text);
        }
        if (File.Exists(templateFile))
            templates[Default] = (templateFile, File.ReadAllText(Weights.Checkpoints.InputFile.Readable(templateFile)));
        if (templates.Count == 0)
            throw new BadInputException(settingsFile, "chat_template",
                "is missing; without it prompts cannot be put as messages (--apply_chat_template).");
        var (file, source) = templates.TryGetValue(name, out var found) ? found
            : throw new BadInputException(settingsFile, "chat_template",
                $"has no template named {name}; there is {string.Join(", ", templates.Keys)}.");
        var tokens = new JsonObject();
        foreach (var token in (string[])["bos_token", "eos_token", "unk_token", "pad_token"])
        {
            if (SpecialTokens.Name(settings, token) is { } text)
                tokens[token] = text;
        }
        return new ChatTemplate(file, source, tokens);
    }

    /// <summary>
    /// The conversation as the model reads it, up to where it is to answer; where the last message is the assistant's, up to the
    /// end of that, which the model goes on with. A template that takes no system's message gets none, as in the harness.
    /// </summary>
    /// <exception cref="BadInputException">The template refuses the messages, or leaves out the answer's beginning.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages)
    {
        try
        {
            return messages[^1] is { Role: "assistant" } last
                ? Begun(Write([.. messages.SkipLast(1), last with { Content = last.Content + EndMark }], isBegun: true))
                : Write(messages, isBegun: false);
        }
        catch (JinjaException) when (messages[0].Role == "system")
        {
            return Render([.. messages.Skip(1)]);
        }
        catch (JinjaException error)
        {
            throw new BadInputException(_file, "chat_template", $"line {error.Line}: {error.Message}");
        }
    }

    /// <summary>What comes before the mark; a template that trims messages takes the white space before it too.</summary>
    private string Begun(string text)
    {
        var end = text.LastIndexOf(EndMark.TrimEnd(), StringComparison.Ordinal);
        if (end < 0)
            throw new BadInputException(_file, "chat_template",
                "leaves out the beginning of the answer, which the task gives (gen_prefix).");
        return text.AsSpan(end).StartsWith(EndMark) ? text[..end] : text[..end].TrimEnd();
    }

    private string Write(IReadOnlyList<ChatMessage> messages, bool isBegun)
    {
        var values = new JsonObject(_tokens.Select(token => KeyValuePair.Create(token.Key, token.Value?.DeepClone())))
        {
            ["messages"] = new JsonArray([.. messages.Select(
                message => (JsonNode)new JsonObject { ["role"] = message.Role, ["content"] = message.Content })]),
            ["tools"] = null,
            ["documents"] = null,
            ["add_generation_prompt"] = !isBegun,
        };
        return _template.Render(values.ToDictionary(value => value.Key, value => JinjaValue.FromJson(value.Value)));
    }
}
