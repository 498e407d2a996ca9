using Pedigree.Evaluation.Tasks;

namespace Pedigree.Evaluation;

/// <summary>
/// A task whose rows a model is asked part by part, so that it can be left off between. What is computed together differs from a
/// task asked at once, and with it the last bits of a log-likelihood.
/// </summary>
public sealed class TaskInParts
{
    private readonly IReadOnlyDictionary<string, double> _shares;
    private readonly List<(EvaluationTask Leaf, IReadOnlyList<IReadOnlyList<int>> Parts, ItemResult?[] Answers)> _leaves;

    /// <param name="task">A task or group.</param>
    /// <param name="parts">The parts of so many rows: the places of each.</param>
    public TaskInParts(EvaluationTask task, Func<int, IReadOnlyList<IReadOnlyList<int>>> parts)
    {
        Task = task;
        _leaves = [.. task.Leaves().Select(leaf => (leaf, parts(leaf.Items.Count), new ItemResult?[leaf.Items.Count]))];
        _shares = ItemRow.Shares(task, _leaves[0].Leaf.Definition!.Filters[0].Name);
    }

    /// <summary>The task.</summary>
    public EvaluationTask Task { get; }

    /// <summary>Asks a model the rows of a part.</summary>
    public void Ask(ReadyModel model, int part, EvaluationOptions options, CancellationToken cancellation)
    {
        foreach (var (leaf, parts, answers) in _leaves.Where(leaf => leaf.Parts[part].Count > 0))
        {
            var results = model.Evaluate(
                [leaf.WithRows(parts[part])], options with { BootstrapDraws = 0 }, cancellation).Tasks[0].Items;
            foreach (var (place, result) in parts[part].Zip(results))
                answers[place] = result;
        }
    }

    /// <summary>The answers so far, of the filter that counts.</summary>
    public IReadOnlyList<ItemRow> Rows()
    {
        var filter = _leaves[0].Leaf.Definition!.Filters[0].Name;
        return [.. _leaves.SelectMany(leaf => leaf.Answers.Index().Where(answer => answer.Item is not null).SelectMany(answer =>
            ItemRow.Of(Task, leaf.Leaf, answer.Item!, answer.Index, filter, _shares[leaf.Leaf.Name])
                .Where(row => row.Filter == filter)))];
    }

    /// <summary>The result, once everything was asked.</summary>
    public TaskResult Result() => Result(Task);

    private TaskResult Result(EvaluationTask whole) =>
        whole.Group is { } group ? TaskScores.OfGroup(whole, group, [.. whole.Members.Select(Result)])
            : TaskScores.OfTask(
                whole, [.. _leaves.First(leaf => leaf.Leaf.Name == whole.Name).Answers.Select(answer => answer!)]);
}
