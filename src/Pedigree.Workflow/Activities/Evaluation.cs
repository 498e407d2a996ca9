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
internal sealed class Evaluation(IStore store, Models models, TaskShelf tasks)
{
    // Changes whenever the same model and task would score otherwise.
    private const int Version = 1;

    private static readonly Lazy<string> device = new(() => TorchSharp.torch.cuda.is_available() ? "cuda" : "cpu");

    public async Task<IReadOnlyList<TaskScore>> EvaluateAsync(EvaluationRequest request, WorkNews news, CancellationToken cancellation)
    {
        List<TaskScore> scores = [];
        OpenModel? model = null;
        try
        {
            foreach (TaskSpec task in request.Tasks)
            {
                string key = Key(request.Model.Digest, task);
                if (await StoredScore.ReadAsync(store, key, cancellation) is not { } score)
                {
                    model ??= await models.OpenAsync(request.Model.Digest, news, cancellation);
                    int before = scores.Count;
                    score = Score(model, task, fraction => news.Report((before + fraction) / request.Tasks.Count), cancellation);
                    await StoredScore.WriteAsync(store, key, score, cancellation);
                }
                scores.Add(score);
            }
        }
        finally
        {
            model?.Dispose();
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
    private TaskScore Score(OpenModel model, TaskSpec task, Action<double> progress, CancellationToken cancellation)
    {
        EvaluationTask loaded = tasks.Load(task);
        try
        {
            TaskScore score = Score(model.Checkpoint, loaded, device.Value, progress, cancellation);
            return double.IsFinite(score.Value) ? score
                : throw new BadInputException(model.Checkpoint.Folder, task.Task, $"its score is {score.Value}, which is not a finite number");
        }
        catch (BadInputException error) when (!model.IsAdmitted)
        {
            throw new WorkFailedException(error.Message, error);
        }
    }

    private static string Key(string model, TaskSpec task) => Convert.ToHexStringLower(SHA256.HashData(
        Encoding.UTF8.GetBytes($"{Version} {model} {task.Digest} {task.Metric} {device.Value}")));
}
