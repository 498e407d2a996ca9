using System.Runtime.CompilerServices;
using Pedigree.Evaluation.Outside;
using Pedigree.Evaluation.Residents;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow.Evaluators;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// The work of a run. Each call stands alone: it may come from any process, on several at once, and again after a failure, and
/// finds in the store what was done before. Calls that come from one object in turn also share what they have read.
/// </summary>
/// <param name="store">The store.</param>
/// <param name="spec">The run's spec.</param>
/// <param name="progress">Told of the work.</param>
/// <param name="apart">A folder where children that were removed are made again; null: they come back into the store.</param>
/// <param name="device">Where children may be made that are not kept; null: this machine's GPU, if it has one.</param>
public sealed class RunWork(
    IStore store, SpecFile spec, IProgress<RunProgress>? progress = null, string? apart = null, ResidentModels? device = null)
{
    // What was read of a store's logs counts for every piece of work that comes with the same store.
    private static readonly ConditionalWeakTable<IStore, Removal> Removals = [];

    private readonly Models _models = new(store, apart, device);
    private readonly GramCache _grams = new(store);
    private readonly Recipes _recipes = new(store, spec.Spec, spec.Path);
    private readonly Removal _removal = Removals.GetValue(store, opened => new(opened));
    private readonly RunEvaluator _evaluator = new(store, spec, new TaskShelf(spec));

    /// <summary>Opens a model of the spec, checks that it can be merged and evaluated, and keeps where it lies.</summary>
    /// <exception cref="Weights.BadInputException">It cannot be used.</exception>
    public Task<ModelAdmitted> AdmitAsync(ModelSource source, CancellationToken cancellation = default) => DoAsync(
        "admit",
        source.Name,
        news => new Admission(store, spec, _models, _recipes, _evaluator).AdmitAsync(source, news, cancellation));

    /// <summary>Kinship of new models to all others.</summary>
    public Task<IReadOnlyList<KinshipMeasured>> MeasureKinshipAsync(
        KinshipRequest request, CancellationToken cancellation = default) => DoAsync(
            "measure", ModelReference.NamesOf(request.New),
            news => new KinshipMeasurement(_models, _recipes, _grams).MeasureAsync(request, news, cancellation));

    /// <summary>Makes a child, or finds it.</summary>
    /// <exception cref="WorkFailedException">It can never be made.</exception>
    public Task<MergedModel> MergeAsync(MergeRequest request, CancellationToken cancellation = default) => DoAsync(
        "merge",
        request.Child,
        news => new Merging(store, _models, _recipes, Making, InMemory).MergeAsync(request, news, cancellation));

    /// <summary>Scores a model, or finds its scores.</summary>
    /// <exception cref="WorkFailedException">It is a child and can never be scored.</exception>
    /// <exception cref="EvaluatorFailedException">The evaluator failed, however often it was tried.</exception>
    public Task<ModelScores> EvaluateAsync(EvaluationRequest request, CancellationToken cancellation = default) => DoAsync(
        "evaluate", request.Model.Name, async news =>
        {
            try
            {
                return await (spec.Spec.Sequential is { } sequential
                    ? new SequentialEvaluation(_evaluator, _models, sequential).EvaluateAsync(request, news, cancellation)
                    : new Evaluation(_evaluator, _models).EvaluateAsync(request, news, cancellation));
            }
            catch (EvaluatorFailedException failure)
            {
                throw new EvaluatorFailedException($"{request.Model.Name} could not be scored: {failure.Message}", failure);
            }
        });

    /// <summary>Compares models item by item.</summary>
    /// <exception cref="Weights.BadInputException">
    /// The spec asks for significance, but there are no results item by item.
    /// </exception>
    public Task<IReadOnlyList<ModelComparison>> CompareAsync(
        ComparisonRequest request, CancellationToken cancellation = default) => DoAsync(
            "compare",
            ModelReference.NamesOf(request.New),
            news => new Comparing(_evaluator, spec).CompareAsync(request, news, cancellation));

    /// <summary>
    /// Writes the checkpoints of children that are kept where they lack, and removes those of the others
    /// unless another run needs them.
    /// </summary>
    public Task<bool> KeepAsync(KeepRequest request, CancellationToken cancellation = default) => DoAsync(
        "keep", ModelReference.NamesOf(request.Kept), async news =>
        {
            foreach (ModelReference model in request.Kept)
                if (!await store.ExistsAsync(StoreNames.Recipe(model.Digest), cancellation)
                    && await RemovedChild.FindAsync(store, model.Digest, cancellation) is { } child)
                    await Making.PublishAsync(child.Recipe, child, news, cancellation);
            await _removal.RemoveAsync(request.Others, news, cancellation);
            return true;
        });

    private Making Making => new(store, _models, _grams);

    // Where all are kept, or scored elsewhere, their files are needed at once.
    private bool InMemory => spec.Spec.Keep != Keep.All && _evaluator.ComputesHere;

    private async Task<TResult> DoAsync<TResult>(string activity, string name, Func<WorkNews, Task<TResult>> work)
    {
        WorkNews news = new(progress, activity, name);
        news.Report(0);
        TResult result = await work(news);
        news.Report(1);
        return result;
    }
}
