using Pedigree.Evaluation;
using Pedigree.Evolution;
using Pedigree.Evolution.Statistics;
using Pedigree.Weights;
using Pedigree.Workflow.Evaluators;

namespace Pedigree.Workflow.Activities;

/// <summary>
/// Scores models part by part. A child is given up once it cannot pass its rival any more with the confidence asked for; what is
/// known of it then are estimates, kept apart from scores.
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
        // None in what an orchestration asked for before it told them.
        IReadOnlyList<ModelReference> founders = request.Founders ?? [];
        string? partialKey = request.Rival is { } passed ? evaluator.Shelf.PartialKey(
            tasks.Select(task => task.Key), passed.Digest, founders.Select(founder => founder.Digest)) : null;
        if (partialKey is not null && await evaluator.Shelf.FindPartialAsync(partialKey, cancellation) is { } before)
            return Partial(before, request.Rival!, identity);
        List<IReadOnlyList<Rows>> known = [];
        foreach (ModelReference other in request.Rival is { } rival ? founders.Prepend(rival) : [])
            known.Add(await RowsAsync(other, request.Tasks, identity, cancellation));
        using OpenModel model = await evaluator.OpenAsync(models, request.Model.Digest, news, cancellation);
        foreach (Asked task in tasks.Where(task => task.Score is null || task.Items is null))
            task.Parts = new(_own.Load(task.Spec), items => SequentialTest.Parts(items, OrderSeed));
        using ReadyModel ready = model.Scored(() => _own.Open(model, cancellation));
        for (int part = 0; part < SequentialTest.PartCount; part++)
        {
            await Task.Run(() => AskPart(model, ready, tasks, part, news, cancellation), cancellation);
            if (request.Rival is not null && part < SequentialTest.PartCount - 1 && GivenUp(tasks, known) is { } partial)
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

    private void AskPart(
        OpenModel model, ReadyModel ready, List<Asked> tasks, int part, WorkNews news, CancellationToken cancellation)
    {
        foreach ((int number, Asked task) in tasks.Index().Where(task => task.Item.Parts is not null))
            model.Scored(() =>
            {
                task.Parts!.Ask(ready, part, _own.Options(fraction =>
                    news.Report((part + (number + fraction) / tasks.Count) / SequentialTest.PartCount)), cancellation);
                return true;
            });
    }

    private async Task<IReadOnlyList<Rows>> RowsAsync(
        ModelReference model, IReadOnlyList<TaskSpec> tasks, string identity, CancellationToken cancellation)
    {
        List<Rows> all = [];
        foreach (TaskSpec task in tasks)
            all.Add(new(await evaluator.Shelf.ItemsAsync(model.Digest, task, identity, evaluator.Devices, cancellation)
                ?? throw new BadInputException(task.Task, "sequential",
                    $"the rows of {model.Name}'s score are gone from the store; begin another run")));
        return all;
    }

    /// <summary>The estimates of a child that falls behind; null of one that may still pass.</summary>
    /// <param name="tasks">How far it was asked.</param>
    /// <param name="known">All rows of the rival, and of each founder, task by task.</param>
    private PartialScores? GivenUp(List<Asked> tasks, IReadOnlyList<IReadOnlyList<Rows>> known)
    {
        List<(int Task, string Part)> parts = [];
        List<PartlyAsked> seen = [];
        foreach ((int number, Asked task) in tasks.Index())
        {
            ILookup<string, ItemRow> asked = task.Counted().ToLookup(row => row.Task);
            Rows rival = known[0][number];
            Rows[] founders = [.. known.Skip(1).Select(model => model[number])];
            foreach (string part in rival.Parts)
            {
                parts.Add((number, part));
                List<Yardstick> yardsticks = [new([.. asked[part].Select(rival.Of)], rival.Mean(part))];
                if (founders.Length > 0)
                    yardsticks.Add(new([.. asked[part].Select(row => founders.Average(founder => founder.Of(row)))],
                        founders.Average(founder => founder.Mean(part))));
                seen.Add(new([.. asked[part].Select(row => row.Score)], yardsticks, rival.Count(part),
                    task.Spec.Weight * rival.Weight(part)));
            }
        }
        if (SequentialTest.FallenBehind(seen, sequential.Confidence) is not { } estimates)
            return null;
        IEnumerable<TaskScore> scores = tasks.Select((task, number) => new TaskScore(task.Name, task.Metric,
            parts.Zip(estimates)
                .Where(part => part.First.Task == number)
                .Sum(part => known[0][number].Weight(part.First.Part) * part.Second)));
        return new([.. scores], seen.Sum(task => task.Scores.Count), seen.Sum(task => task.Items));
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
        private readonly Dictionary<(string, int), double> _scores = rows.Where(row => row.Weight > 0)
            .ToDictionary(row => (row.Task, row.DocId), row => row.Score);
        private readonly Dictionary<string, (double Weight, int Count, double Mean)> _parts = rows.Where(row => row.Weight > 0)
            .GroupBy(row => row.Task)
            .ToDictionary(part => part.Key, part => (part.Sum(row => row.Weight), part.Count(), part.Average(row => row.Score)));

        /// <summary>The task, or the tasks of a group.</summary>
        public IEnumerable<string> Parts => _parts.Keys;

        public double Of(ItemRow row) => _scores[(row.Task, row.DocId)];

        public double Weight(string part) => _parts[part].Weight;

        public int Count(string part) => _parts[part].Count;

        public double Mean(string part) => _parts[part].Mean;
    }
}
