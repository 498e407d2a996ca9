using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evaluation.Tokenizers;

namespace Pedigree.Evaluation;

/// <summary>A model that is ready to be asked: loaded here, or served elsewhere. Disposed, it lets go of its memory.</summary>
public sealed class ReadyModel : IDisposable
{
    private readonly string _folder;
    private readonly IEvaluatedModel _model;
    private readonly ITextTokenizer _tokenizer;
    private readonly Action _letGo;

    internal ReadyModel(string folder, IEvaluatedModel model, ITextTokenizer tokenizer, Action letGo) =>
        (_folder, _model, _tokenizer, _letGo) = (folder, model, tokenizer, letGo);

    /// <summary>Runs tasks on it.</summary>
    /// <exception cref="Weights.BadInputException">Model and task do not fit.</exception>
    /// <exception cref="Outside.EvaluatorFailedException">The server does not answer, or not as it should.</exception>
    public EvaluationResults Evaluate(IReadOnlyList<EvaluationTask> tasks, EvaluationOptions? options = null, CancellationToken cancellation = default) =>
        Evaluator.Evaluate(_model, _tokenizer, Rendered(tasks), options, cancellation);

    /// <summary>The tasks with their prompts as the model's chat template writes them, where that is asked for.</summary>
    private IReadOnlyList<EvaluationTask> Rendered(IReadOnlyList<EvaluationTask> tasks)
    {
        var template = tasks.Any(task => task.Chat.ApplyTemplate) ? ChatTemplate.Open(_folder) : null;
        return [.. tasks.Select(task => task.Chat.ApplyTemplate ? task.Rendered(template!) : task)];
    }

    /// <inheritdoc/>
    public void Dispose() => _letGo();
}
