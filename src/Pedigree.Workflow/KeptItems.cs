using Pedigree.Evaluation;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Evaluators;

namespace Pedigree.Workflow;

/// <summary>What a model of a run scored in a task, row by row.</summary>
/// <param name="Score">The score as the log has it.</param>
/// <param name="Rows">Its rows.</param>
public sealed record KeptItems(TaskScore Score, IReadOnlyList<ItemRow> Rows)
{
    /// <summary>The rows of all tasks of a model.</summary>
    /// <param name="store">The store.</param>
    /// <param name="name">Run and model, as <c>run/model</c>.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="BadInputException">There is no such run or model, or none of its rows were kept.</exception>
    public static async Task<IReadOnlyList<KeptItems>> OfAsync(
        IStore store, string name, CancellationToken cancellation = default)
    {
        if (name.Split('/') is not [var id, var model])
            throw new BadInputException(store.Address, "model", $"`{name}` names no model of a run; run/model would be right");
        RunRecord run = await Runs.LoadAsync(store, id, cancellation);
        ModelEvaluated[] known = [.. run.Events.OfType<ModelEvaluated>()];
        ModelEvaluated evaluated = known.FirstOrDefault(evaluated => evaluated.Name == model)
            ?? throw new BadInputException(run.Run.LogAddress, "model",
                $"there is no model `{model}` that was evaluated; "
                + $"there are: {string.Join(", ", known.Select(evaluated => evaluated.Name))}");
        if (evaluated.Partial is { } partial)
            throw new BadInputException(run.Run.LogAddress, model,
                $"was given up after {partial.Asked} of {partial.Items} items; rows are kept of whole scores alone");
        ScoreShelf shelf = new(store, run.State.Spec!);
        List<KeptItems> kept = [];
        foreach ((TaskSpec task, TaskScore score) in run.State.Spec!.Tasks.Zip(evaluated.Scores))
        {
            IReadOnlyList<ItemRow> rows = await shelf.ItemsAsync(
                run.State.Find(model).Digest, task, evaluated.Evaluator ?? "", ["", "cpu", "cuda"], cancellation)
                ?? throw new BadInputException(store.Address, model,
                    $"no rows of {task.Task} were kept: {evaluated.Evaluator ?? "an older version"} gave none, "
                    + "or they were removed");
            kept.Add(new(score, rows));
        }
        return kept;
    }
}
