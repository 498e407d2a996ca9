using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evaluation.Tokenizers;

namespace Pedigree.Evaluation;

/// <summary>A model that is ready to be asked: loaded here, or served elsewhere. Disposed, it lets go of its memory.</summary>
public sealed class ReadyModel : IDisposable
{
    private readonly string _folder;
    private readonly IEvaluatedModel _model;
    private readonly ModelFacts _facts;
    private readonly Action _letGo;

    internal ReadyModel(string folder, IEvaluatedModel model, ModelFacts facts, Action letGo) =>
        (_folder, _model, _facts, _letGo) = (folder, model, facts, letGo);

    /// <summary>Runs tasks on it.</summary>
    /// <exception cref="Weights.BadInputException">Model and task do not fit.</exception>
    /// <exception cref="Outside.EvaluatorFailedException">The server does not answer, or not as it should.</exception>
    public EvaluationResults Evaluate(
        IReadOnlyList<EvaluationTask> tasks, EvaluationOptions? options = null, CancellationToken cancellation = default)
    {
        var templates = ChatTemplate.Of(tasks, _folder);
        var rendered =
            tasks.Select(task => task.Chat.ApplyTemplate ? task.Rendered(templates[ChatTemplate.NameOf(task)]) : task).ToList();
        return Evaluator.Evaluate(_model, _facts.Tokenizer, rendered, options, cancellation) with
        {
            ChatTemplate = templates.Values.FirstOrDefault()?.Source,
            Model = _facts,
        };
    }

    /// <inheritdoc/>
    public void Dispose() => _letGo();
}
