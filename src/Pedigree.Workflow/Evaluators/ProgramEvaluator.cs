using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Pedigree.Evaluation;
using Pedigree.Evaluation.Outside;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Workflow.Activities;
using Pedigree.Workflow.Specs;

namespace Pedigree.Workflow.Evaluators;

/// <summary>
/// Another program scores: lm-evaluation-harness, or a command of the user's own. It is asked once for all tasks
/// that it can take together.
/// </summary>
internal sealed class ProgramEvaluator(EvaluatorSpec settings, SpecFile spec) : IModelEvaluator
{
    // Asking costs the start of a program, so that it is done once in a process.
    private static readonly ConcurrentDictionary<string, string> Known = new(StringComparer.Ordinal);

    private readonly string _key = JsonSerializer.Serialize(settings);

    private OutsideSettings Outside =>
        new(settings.Command ?? [EvaluatorSpec.LmEval], TimeSpan.FromSeconds(settings.Timeout), settings.Attempts);

    /// <summary>
    /// The command is asked without model and tasks, lm_eval for one row of the first task with its own dummy model.
    /// </summary>
    public async Task<string> IdentityAsync(CancellationToken cancellation)
    {
        if (Known.TryGetValue(_key, out string? identity))
            return identity;
        OutsideResults results = settings.Name == EvaluatorSpec.LmEval
            ? await OutsideEvaluator.LmEvalAsync(
                Outside, null, [Named(spec.Spec.Tasks[0]) with { Limit = 1 }], cancellation: cancellation)
            : await OutsideEvaluator.CommandAsync(Outside, null, [], cancellation);
        return Known[_key] = results.Evaluator;
    }

    public async IAsyncEnumerable<ScoredTask> ScoreAsync(
        OpenModel model,
        IReadOnlyList<TaskSpec> tasks,
        Action<double> progress,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        string identity = await IdentityAsync(cancellation);
        Dictionary<TaskSpec, ScoredTask> scored = [];
        foreach (IGrouping<(int?, int?, ChatSettings?), TaskSpec> together in tasks.GroupBy(
            task => settings.Name == EvaluatorSpec.LmEval ? (task.Fewshot, task.Limit, SpecTasks.Chat(task)) : default))
        {
            OutsideTask[] asked = [.. together.Select(Named)];
            OutsideResults results = settings.Name == EvaluatorSpec.LmEval
                ? await OutsideEvaluator.LmEvalAsync(Outside, model.Checkpoint.Folder, asked, settings.ModelArgs, cancellation)
                : await OutsideEvaluator.CommandAsync(Outside, model.Checkpoint.Folder, asked, cancellation);
            if (results.Evaluator != identity)
            {
                Known.TryRemove(_key, out _);
                throw new EvaluatorFailedException($"it was {identity} when it was asked first, and is {results.Evaluator} now");
            }
            foreach ((TaskSpec task, OutsideTask name) in together.Zip(asked))
                scored[task] = Scored(task, [.. results.Scores.Where(score => score.Task == name.Key)]);
            progress((double)scored.Count / tasks.Count);
        }
        foreach (TaskSpec task in tasks)
            yield return scored[task];
    }

    /// <summary>
    /// A task by the name that the program knows: what is a file beside the spec by its path, anything else as it stands.
    /// </summary>
    private OutsideTask Named(TaskSpec task)
    {
        string path = Path.GetFullPath(task.Task, spec.Folder);
        string name = File.Exists(path) ? path : task.Task;
        return new(name, task.Data is null ? null : Path.GetFullPath(task.Data, spec.Folder), task.Fewshot, task.Limit)
        {
            Key = settings.Name == EvaluatorSpec.LmEval && name == path ? TaskLoader.NameOf(path) : name,
            Chat = SpecTasks.Chat(task),
        };
    }

    private static ScoredTask Scored(TaskSpec task, IReadOnlyList<OutsideScore> scores)
    {
        OutsideScore counted = task.Metric is not { } metric ? scores[0]
            : scores.FirstOrDefault(score => metric == score.Metric || metric == $"{score.Metric},{score.Filter}")
                ?? throw new EvaluatorFailedException($"it gives no {metric} of {task.Task}, but "
                    + string.Join(", ", scores.Select(score => $"{score.Metric},{score.Filter}")));
        if (!counted.HigherIsBetter)
            throw new EvaluatorFailedException(
                $"{counted.Metric} of {task.Task} is better when it is smaller and cannot be averaged; "
                + "name another metric in the spec");
        return new(new(counted.Task, counted.Metric, counted.Value, counted.StandardError),
            [.. counted.Items.Select((value, number) => new ItemRow
            {
                Task = counted.Task,
                DocId = number,
                Filter = counted.Filter,
                Metrics = [counted.Metric],
                Values = [value],
                Score = value,
                Weight = 1.0 / counted.Items.Count,
            })]);
    }
}
