using System.Text.Json.Nodes;

namespace Pedigree.Evaluation.Tasks;

/// <summary>A text to be scored or continued.</summary>
/// <param name="Context">What the model has read.</param>
/// <param name="Continuation">What is scored after it; empty where the model is to write.</param>
public sealed record TextRequest(string Context, string Continuation)
{
    /// <summary>
    /// The context as messages, of which each model's chat template makes its own text; null where the context is plain text.
    /// </summary>
    internal IReadOnlyList<ChatMessage>? Messages { get; init; }
}

/// <summary>One row of a task, ready to be asked.</summary>
/// <param name="Line">Line of the row in its file, or its number, from 1.</param>
/// <param name="Requests">One a choice, or a single one.</param>
/// <param name="Choices">The choices without delimiter: their lengths normalise.</param>
/// <param name="Golds">Numbers of the right choices; empty where there are no choices.</param>
/// <param name="Targets">The right answers as text.</param>
/// <param name="Document">The row.</param>
public sealed record EvaluationItem(
    int Line, IReadOnlyList<TextRequest> Requests, IReadOnlyList<string> Choices, IReadOnlyList<int> Golds,
    IReadOnlyList<string> Targets,
    JsonObject Document)
{
    /// <summary>Number of the right choice, the first where there are several; -1 where there are no choices.</summary>
    public int Gold => Golds.Count > 0 ? Golds[0] : -1;

    /// <summary>The right answer as text, the first where there are several.</summary>
    public string Target => Targets[0];

    /// <summary>
    /// The right answer as the harness writes it beside a model's: the number of a choice, or text, which in partial evaluation
    /// is the rest that is scored after every choice.
    /// </summary>
    internal string Shown =>
        Golds.Count > 0 && Requests.Count > 1 && Requests[0].Continuation != Requests[1].Continuation ? $"{Gold}" : Target;
}
