using Pedigree.Evaluation;
using Pedigree.Evolution;
using Pedigree.Evolution.Statistics;
using Pedigree.Weights;
using Pedigree.Workflow.Evaluators;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// Scores models part by part. A child is given up once it cannot pass its rival any more with the confidence asked for; what is known
/// of it then are estimates, kept apart from scores.
/// </summary>
internal sealed class SequentialEvaluation(RunEvaluator evaluator, Models models, SequentialSpec sequential)
{
    // Of the order in which items are asked: the same for every model, so that they can be compared.
    private const ulong OrderSeed = 0;

    private readonly OwnEvaluator _own = (OwnEvaluator)evaluator.Model;

    public async Task<ModelScores> EvaluateAsync(EvaluationRequest request, WorkNews news, CancellationToken cancellation)
    {
        string identity = await _own.IdentityAsync(cancellation);
        List<Asked> tasks = [];
        foreach (TaskSpec task in request.Tasks)
        {
            string key = evaluator.Shelf.Key(request.Model.Digest, task, identity, evaluator.Devices[0]);
            TaskScore? score = await evaluator.Shelf.FindAsync(key, cancellation);
            tasks.Add(new(task, key, score, score is null ? null : await evaluator.Shelf.ItemsAsync(key, cancellation)));
        }
        if (tasks.TrueForAll(task => task.Score is not null))
            return new([.. tasks.Select(task => task.Score!)], identity);
        return await AskAsync(request, identity, tasks, news, cancellation);
    }

    private async Task<ModelScores> AskAsync(
        EvaluationRequest request, string identity, List<Asked> tasks, WorkNews news, CancellationToken cancellation)
    {
        string? partialKey = request.Rival is { } passed ? evaluator.Shelf.PartialKey(tasks.Select(task => task.Key), passed.Digest) : null;
        if (partialKey is not null && await evaluator.Shelf.FindPartialAsync(partialKey, cancellation) is { } before)
            return Partial(before, request.Rival!, identity);
        IReadOnlyList<Rows>? rival = request.Rival is null ? null : await RivalAsync(request, identity, cancellation);
        using OpenModel model = await evaluator.OpenAsync(models, request.Model.Digest, news, cancellation);
        foreach (Asked task in tasks.Where(task => task.Score is null || task.Items is null))
            task.Parts = new(_own.Load(task.Spec), items => SequentialTest.Parts(items, OrderSeed));
        using ReadyModel ready = model.Scored(() => _own.Open(model, cancellation));
        for (int part = 0; part < SequentialTest.PartCount; part++)
        {
            await Task.Run(() => AskPart(model, ready, tasks, part, news, cancellation), cancellation);
            if (rival is not null && part < SequentialTest.PartCount - 1 && GivenUp(tasks, rival) is { } partial)
            {
                await evaluator.Shelf.KeepPartialAsync(partialKey!, partial, cancellation);
                return Partial(partial, request.Rival!, identity);
            }
        }
        foreach (Asked task in tasks.Where(task => task.Parts is not null))
        {
            ScoredTask scored = ScoredTask.Of(task.Parts!.Result());
            task.Score = model.Scored(() => Evaluation.Finite(model, scored.Score));
            await evaluator.Shelf.KeepAsync(task.Key, scored, cancellation);
        }
        return new([.. tasks.Select(task => task.Score!)], identity);
    }

    private void AskPart(OpenModel model, ReadyModel ready, List<Asked> tasks, int part, WorkNews news, CancellationToken cancellation)
    {
        foreach ((int number, Asked task) in tasks.Index().Where(task => task.Item.Parts is not null))
            model.Scored(() =>
            {
                task.Parts!.Ask(ready, part, _own.Options(fraction =>
                    news.Report((part + (number + fraction) / tasks.Count) / SequentialTest.PartCount)), cancellation);
                return true;
            });
    }

    private async Task<IReadOnlyList<Rows>> RivalAsync(EvaluationRequest request, string identity, CancellationToken cancellation)
    {
        List<Rows> all = [];
        foreach (TaskSpec task in request.Tasks)
            all.Add(new(await evaluator.Shelf.ItemsAsync(request.Rival!.Digest, task, identity, evaluator.Devices, cancellation)
                ?? throw new BadInputException(task.Task, "sequential", $"the rows of {request.Rival.Name}'s score are gone from the store; begin another run")));
        return all;
    }

    /// <summary>
    /// The estimates of a child that falls behind; null of one that may still pass. An estimate is the rival's score and the mean difference
    /// of the two on the items asked: it does not depend on how hard these items happen to be.
    /// </summary>
    private PartialScores? GivenUp(List<Asked> tasks, IReadOnlyList<Rows> rival)
    {
        List<TaskScore> scores = [];
        List<PairedItems> seen = [];
        List<int> items = [];
        foreach ((Asked task, Rows other) in tasks.Zip(rival))
        {
            double estimate = other.Score;
            foreach (IGrouping<string, ItemRow> part in task.Counted().GroupBy(row => row.Task))
            {
                PairedItems pairs = new([.. part.Select(row => row.Score)], [.. part.Select(row => other.Of(row))], task.Spec.Weight * other.Weight(part.Key));
                seen.Add(pairs);
                items.Add(other.Count(part.Key));
                estimate += other.Weight(part.Key) * pairs.Differences.Average();
            }
            scores.Add(new(task.Name, task.Metric, estimate));
        }
        return SequentialTest.FallsBehind(seen, items, sequential.Confidence) ? new(scores, seen.Sum(task => task.First.Count), items.Sum()) : null;
    }

    private ModelScores Partial(PartialScores known, ModelReference rival, string identity) =>
        new(known.Scores, identity, new(known.Asked, known.Items, rival.Name, sequential.Confidence));

    /// <summary>A task as far as it was asked; one whose score and rows were known before was asked to its end.</summary>
    private sealed class Asked(TaskSpec spec, string key, TaskScore? score, IReadOnlyList<ItemRow>? items)
    {
        public TaskSpec Spec => spec;

        public string Key => key;

        public TaskScore? Score { get; set; } = score;

        public IReadOnlyList<ItemRow>? Items => items;

        public TaskInParts? Parts { get; set; }

        public string Name => Parts?.Task.Name ?? Score!.Task;

        public string Metric => Parts?.Task.PrimaryMetric ?? Score!.Metric;

        public IEnumerable<ItemRow> Counted() => (Parts?.Rows() ?? Items!).Where(row => row.Weight > 0);
    }

    /// <summary>All rows of a task that count, by task and number.</summary>
    private sealed class Rows(IReadOnlyList<ItemRow> rows)
    {
        private readonly Dictionary<(string, int), double> _scores = rows.Where(row => row.Weight > 0).ToDictionary(row => (row.Task, row.DocId), row => row.Score);
        private readonly Dictionary<string, (double Weight, int Count)> _tasks = rows.Where(row => row.Weight > 0).GroupBy(row => row.Task)
            .ToDictionary(task => task.Key, task => (task.Sum(row => row.Weight), task.Count()));

        public double Score { get; } = rows.Sum(row => row.Weight * row.Score);

        public double Of(ItemRow row) => _scores[(row.Task, row.DocId)];

        public double Weight(string task) => _tasks[task].Weight;

        public int Count(string task) => _tasks[task].Count;
    }
}
