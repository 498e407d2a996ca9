using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evaluation.Tokenizers;

namespace Pedigree.Evaluation;

/// <summary>A model that is ready to be asked: loaded here, or served elsewhere. Disposed, it lets go of its memory.</summary>
public sealed class ReadyModel : IDisposable
{
    private readonly IEvaluatedModel _model;
    private readonly ITextTokenizer _tokenizer;
    private readonly Action _letGo;

    internal ReadyModel(IEvaluatedModel model, ITextTokenizer tokenizer, Action letGo) => (_model, _tokenizer, _letGo) = (model, tokenizer, letGo);

    /// <summary>Runs tasks on it.</summary>
    /// <exception cref="Weights.BadInputException">Model and task do not fit.</exception>
    /// <exception cref="Outside.EvaluatorFailedException">The server does not answer, or not as it should.</exception>
    public EvaluationResults Evaluate(IReadOnlyList<EvaluationTask> tasks, EvaluationOptions? options = null, CancellationToken cancellation = default) =>
        Evaluator.Evaluate(_model, _tokenizer, tasks, options, cancellation);

    /// <inheritdoc/>
    public void Dispose() => _letGo();
}
