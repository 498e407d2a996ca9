namespace Pedigree.Evaluation.Tasks;

/// <summary>A text to be scored or continued.</summary>
/// <param name="Context">What the model has read.</param>
/// <param name="Continuation">What is scored after it; empty where the model is to write.</param>
public sealed record TextRequest(string Context, string Continuation);

/// <summary>One row of a task, ready to be asked.</summary>
/// <param name="Line">Line of the row in its file, from 1.</param>
/// <param name="Requests">One a choice, or a single one.</param>
/// <param name="Choices">The choices without delimiter: their lengths normalise.</param>
/// <param name="Gold">Number of the right choice; -1 where there are no choices.</param>
/// <param name="Target">The right answer as text.</param>
public sealed record EvaluationItem(
    int Line, IReadOnlyList<TextRequest> Requests, IReadOnlyList<string> Choices, int Gold, string Target);
