using System.Security.Cryptography;
using System.Text;
using Pedigree.Evaluation;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Weights.Checkpoints;

namespace Pedigree.Workflow.Activities;

/// <summary>Scores models; a score is kept by checkpoint, task and settings.</summary>
internal sealed class Evaluation(Store store, SpecFile spec, RunJournal journal, Models models)
{
    // Changes whenever the same model and task would score otherwise.
    private const int Version = 1;

    private readonly Lazy<string> _device = new(() => TorchSharp.torch.cuda.is_available() ? "cuda" : "cpu");
    private readonly Dictionary<string, EvaluationTask> _tasks = new(StringComparer.Ordinal);

    public IReadOnlyList<TaskScore> Evaluate(EvaluationRequest request, Action<double> progress, CancellationToken cancellation)
    {
        List<TaskScore> scores = [];
        Checkpoint? checkpoint = null;
        try
        {
            foreach (TaskSpec task in request.Tasks)
            {
                string file = store.Score(Key(request.Model.Digest, task, _device.Value));
                if (StoredScore.Read(file) is not { } score)
                {
                    checkpoint ??= models.Open(request.Model.Digest);
                    int before = scores.Count;
                    score = Score(checkpoint, task, fraction => progress((before + fraction) / request.Tasks.Count), cancellation);
                    StoredScore.Write(file, score, journal.Temporary);
                }
                scores.Add(score);
            }
        }
        finally
        {
            checkpoint?.Dispose();
        }
        return scores;
    }

    /// <summary>Scores a model anew.</summary>
    public static TaskScore Score(
        Checkpoint checkpoint, EvaluationTask task, string? device, Action<double> progress, CancellationToken cancellation)
    {
        EvaluationOptions options = new() { Device = device, Progress = (_, done, all) => progress((double)done / all) };
        TaskResult result = Evaluator.Evaluate(checkpoint, [task], options, cancellation).Tasks[0];
        return new(result.Task, result.Primary.Metric, result.Primary.Value, result.Primary.StandardError);
    }

    // A child that cannot be scored never can; of an admitted model someone must be told.
    private TaskScore Score(Checkpoint checkpoint, TaskSpec task, Action<double> progress, CancellationToken cancellation)
    {
        EvaluationTask loaded = Load(task);
        try
        {
            TaskScore score = Score(checkpoint, loaded, _device.Value, progress, cancellation);
            return double.IsFinite(score.Value) ? score
                : throw new BadInputException(checkpoint.Folder, task.Task, $"its score is {score.Value}, which is not a finite number");
        }
        catch (BadInputException error) when (checkpoint.Folder.StartsWith(store.Root, StringComparison.Ordinal))
        {
            throw new WorkFailedException(error.Message, error);
        }
    }

    private EvaluationTask Load(TaskSpec task)
    {
        if (!_tasks.TryGetValue(task.Task, out EvaluationTask? loaded))
            _tasks[task.Task] = loaded = Specs.SpecTasks.Load(spec.Folder, task);
        return loaded.Digest == task.Digest ? loaded
            : throw new BadInputException(spec.Path, $"task {task.Task}", "was changed while the run went on; restore it and run the same command again");
    }

    private static string Key(string model, TaskSpec task, string device) => Convert.ToHexStringLower(SHA256.HashData(
        Encoding.UTF8.GetBytes($"{Version} {model} {task.Digest} {task.Metric} {device}")));
}
