using Pedigree.Evaluation;
using Pedigree.Evolution;
using Pedigree.Evolution.Statistics;
using Pedigree.Weights;
using Pedigree.Workflow.Evaluators;

namespace Pedigree.Workflow.Activities;

/// <summary>Compares the averages of models, from their rows in the store.</summary>
internal sealed class Comparing(RunEvaluator evaluator, SpecFile spec)
{
    public async Task<IReadOnlyList<ModelComparison>> CompareAsync(
        ComparisonRequest request, WorkNews news, CancellationToken cancellation)
    {
        string identity = await evaluator.Model.IdentityAsync(cancellation);
        List<(string Name, IReadOnlyList<ItemScores> Items)> known = [];
        foreach (ModelReference model in request.Rivals.Concat(request.New))
        {
            if (await ItemsAsync(model, request.Tasks, identity, cancellation) is { } items)
                known.Add((model.Name, items));
            else if (spec.Spec.Significance is not null)
                throw new BadInputException(spec.Path, "significance",
                    $"needs results item by item, and {identity} gave none of {model.Name}; "
                    + "leave it out, or choose another evaluator");
            else
                return [];
        }
        List<(
            (string Name, IReadOnlyList<ItemScores> Items) First, (string Name, IReadOnlyList<ItemScores> Items) Second)> pairs =
                [.. known.Skip(request.Rivals.Count).SelectMany((added, number) => known.Take(request.Rivals.Count + number)
                    .Where(other => other.Name != added.Name).Select(other => (added, other)))];
        int done = 0;
        return [.. pairs.AsParallel().AsOrdered().WithCancellation(cancellation).Select(pair =>
        {
            ModelComparison comparison = Compare(pair.First, pair.Second);
            news.Report((double)Interlocked.Increment(ref done) / pairs.Count);
            return comparison;
        })];
    }

    private static ModelComparison Compare(
        (string Name, IReadOnlyList<ItemScores> Items) first, (string Name, IReadOnlyList<ItemScores> Items) second)
    {
        Comparison comparison = PairedTests.Compare(ItemScores.Pair(first.Items, second.Items));
        return new(first.Name, second.Name, comparison.Difference, comparison.PValue, comparison.Test,
            first.Items.Sum(task => task.Scores.Count));
    }

    private async Task<IReadOnlyList<ItemScores>?> ItemsAsync(
        ModelReference model, IReadOnlyList<TaskSpec> tasks, string identity, CancellationToken cancellation)
    {
        List<ItemScores> all = [];
        foreach (TaskSpec task in tasks)
        {
            if (await evaluator.Shelf.ItemsAsync(model.Digest, task, identity, evaluator.Devices, cancellation) is not { } rows
                || rows.All(row => row.Weight == 0))
                return null;
            all.AddRange(ItemScores.Of(rows, task.Weight));
        }
        return all;
    }
}

/// <summary>A model's scores in one task.</summary>
/// <param name="Task">The task; of a group, the member.</param>
/// <param name="Weight">Its weight in the average.</param>
/// <param name="Scores">One a row.</param>
internal sealed record ItemScores(string Task, double Weight, IReadOnlyList<double> Scores)
{
    /// <summary>The rows that count, task by task.</summary>
    /// <param name="rows">Rows of a task or group.</param>
    /// <param name="weight">Its weight in the average.</param>
    public static IEnumerable<ItemScores> Of(IReadOnlyList<ItemRow> rows, double weight) =>
        rows.Where(row => row.Weight > 0).GroupBy(row => row.Task)
            .Select(task => new ItemScores(task.Key, weight * task.Sum(row => row.Weight), [.. task.Select(row => row.Score)]));

    /// <summary>Two models beside each other.</summary>
    public static IReadOnlyList<PairedItems> Pair(IReadOnlyList<ItemScores> first, IReadOnlyList<ItemScores> second) =>
        [.. first.Zip(second, (one, other) => new PairedItems(one.Scores, other.Scores, one.Weight))];
}
