namespace Pedigree.Evaluation.Tasks;

/// <summary>How prompts are put to a model that was taught to chat, as the harness does.</summary>
/// <param name="ApplyTemplate">--apply_chat_template: prompts are messages, written as the model's own template says.</param>
/// <param name="FewshotAsMultiturn">--fewshot_as_multiturn: whether examples are messages of their own; null for yes.</param>
/// <param name="SystemInstruction">--system_instruction: begins every prompt, with a template or without.</param>
/// <param name="TemplateName">Of a model that has several templates the one to use; null for the one named default.</param>
public sealed record ChatSettings(
    bool ApplyTemplate = false, bool? FewshotAsMultiturn = null, string? SystemInstruction = null, string? TemplateName = null)
{
    /// <summary>Nothing of all this.</summary>
    public static ChatSettings None { get; } = new();
}

/// <summary>One message of a prompt.</summary>
/// <param name="Role">system, user or assistant.</param>
/// <param name="Content">What is said.</param>
/// <param name="Delimiter">Comes after it where messages are joined to one text.</param>
internal sealed record ChatMessage(string Role, string Content, string Delimiter = "")
{
    /// <summary>All as one text.</summary>
    public static string Text(IEnumerable<ChatMessage> messages) =>
        string.Concat(messages.Select(message => message.Content + message.Delimiter));

    /// <summary>All but the system's, and the beginning of the answer where there is one, as one message of the user.</summary>
    public static IReadOnlyList<ChatMessage> SingleTurn(IReadOnlyList<ChatMessage> messages)
    {
        var system = messages[0].Role == "system" ? 1 : 0;
        var begun = messages[^1].Role == "assistant" ? 1 : 0;
        var question = messages[^(1 + begun)];
        return
        [
            .. messages.Take(system),
            new("user", Text(messages.Take(messages.Count - 1 - begun).Skip(system)) + question.Content),
            .. messages.TakeLast(begun),
        ];
    }

    /// <summary>Two texts as one, with a delimiter between where both have text and neither has white space there.</summary>
    public static string Joined(string first, string delimiter, string second) =>
        NeedDelimiter(first, second) ? first + delimiter + second : first + second;

    /// <summary>Whether two texts run into each other.</summary>
    public static bool NeedDelimiter(string first, string second) =>
        first.Length > 0 && second.Length > 0 && !char.IsWhiteSpace(first[^1]) && !char.IsWhiteSpace(second[0]);
}
