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
    private readonly string file;
    private readonly JinjaTemplate template;
    private readonly JsonObject tokens;

    private ChatTemplate(string file, string source, JsonObject tokens)
    {
        (this.file, this.tokens) = (file, tokens);
        try
        {
            template = JinjaTemplate.Parse(source, JinjaSettings.Chat);
        }
        catch (JinjaException error)
        {
            throw new BadInputException(file, "chat_template", $"line {error.Line}: {error.Message}");
        }
    }

    /// <exception cref="BadInputException">The folder has no template, or one that cannot be read.</exception>
    public static ChatTemplate Open(string folder)
    {
        var (settingsFile, templateFile) = (Path.Combine(folder, "tokenizer_config.json"), Path.Combine(folder, "chat_template.jinja"));
        var settings = File.Exists(settingsFile) ? JsonReader.Open(settingsFile) : null;
        var named = settings?.Child("chat_template");
        // Of several the one named default is used.
        var source = File.Exists(templateFile) ? File.ReadAllText(Weights.Checkpoints.InputFile.Readable(templateFile))
            : named is { IsArray: true } ? named.Items().FirstOrDefault(item => item.Required("name").Text() == "default")?.Required("template").Text()
            : named?.Text();
        if (source is null)
            throw new BadInputException(settingsFile, "chat_template", "is missing; without it prompts cannot be put as messages (--apply_chat_template).");
        var tokens = new JsonObject();
        foreach (var name in (string[])["bos_token", "eos_token", "unk_token", "pad_token"])
        {
            if (SpecialTokens.Name(settings, name) is { } text)
                tokens[name] = text;
        }
        return new ChatTemplate(File.Exists(templateFile) ? templateFile : settingsFile, source, tokens);
    }

    /// <summary>The conversation as the model reads it, up to where it is to answer. A template that takes no system's message gets none, as in the harness.</summary>
    /// <exception cref="BadInputException">The template refuses the messages.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages)
    {
        try
        {
            return Write(messages);
        }
        catch (JinjaException) when (messages[0].Role == "system")
        {
            return Render([.. messages.Skip(1)]);
        }
        catch (JinjaException error)
        {
            throw new BadInputException(file, "chat_template", $"line {error.Line}: {error.Message}");
        }
    }

    private string Write(IReadOnlyList<ChatMessage> messages)
    {
        var values = new JsonObject(tokens.Select(token => KeyValuePair.Create(token.Key, token.Value?.DeepClone())))
        {
            ["messages"] = new JsonArray([.. messages.Select(message => (JsonNode)new JsonObject { ["role"] = message.Role, ["content"] = message.Content })]),
            ["tools"] = null,
            ["documents"] = null,
            ["add_generation_prompt"] = true,
        };
        return template.Render(values.ToDictionary(value => value.Key, value => JinjaValue.FromJson(value.Value)));
    }
}
