using System.Runtime.CompilerServices;
using Pedigree.Evaluation;
using Pedigree.Evaluation.Models;
using Pedigree.Evaluation.Outside;
using Pedigree.Evaluation.Tasks;
using Pedigree.Evolution;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Evaluators;

/// <summary>The tasks are asked and scored here; the model is computed here too, or served by a completions endpoint.</summary>
internal sealed class OwnEvaluator(EvaluatorSpec? settings, TaskShelf tasks) : IModelEvaluator
{
    // Changes whenever the same model and task would score otherwise, if only in the last bits.
    private const int Version = 4;

    private static readonly Lazy<string> Device = new(() => TorchSharp.torch.cuda.is_available() ? "cuda" : "cpu");

    // Children of a run are alike: each takes the memory of the one scored before, and the process keeps no more than one. Only
    // on a GPU: elsewhere merging would lack it, for a tenth of the time that loading takes.
    private static readonly SpareModel Spare = new();

    private string? _identity;

    /// <summary>Whether an endpoint computes the models.</summary>
    public bool IsServed => settings?.Url is not null;

    /// <summary>Devices that a score may come from, the one used here first; what is served elsewhere has none.</summary>
    public IReadOnlyList<string> Devices => IsServed ? [""] : Device.Value == "cuda" ? ["cuda", "cpu"] : ["cpu", "cuda"];

    public async Task<string> IdentityAsync(CancellationToken cancellation) =>
        _identity ??= settings?.Url is not { } url ? $"pedigree {Version}"
            : $"pedigree {Version} with completions "
                + $"{await Evaluator.VersionAsync(Endpoint(url, "", 0), cancellation) ?? "of unknown version"}";

    /// <summary>A model made ready to be asked.</summary>
    public ReadyModel Open(OpenModel model, CancellationToken cancellation)
    {
        string folder = model.Checkpoint.Folder;
        if (model.Resident is { } resident)
        {
            // It is computed where it lies; the others of its run are too, and need the room.
            Spare.Dispose();
            return Evaluator.Load(resident, model.Checkpoint, Options());
        }
        if (settings?.Url is not { } url)
            return Evaluator.Load(model.Checkpoint, Options());
        string name = (settings.Model ?? "{model}").Replace("{model}", folder);
        return Evaluator.Connect(folder, Endpoint(url, name, Evaluator.ContextLength(folder)), cancellation);
    }

    /// <summary>A task of the spec.</summary>
    public EvaluationTask Load(TaskSpec task) => tasks.Load(task);

    /// <summary>How a model is asked.</summary>
    public EvaluationOptions Options(Action<double>? progress = null) =>
        new()
        {
            Device = Device.Value,
            Spare = Device.Value == "cuda" ? Spare : null,
            Progress = progress is null ? null : (_, done, all) => progress((double)done / all),
        };

    public async IAsyncEnumerable<ScoredTask> ScoreAsync(
        OpenModel model,
        IReadOnlyList<TaskSpec> wanted,
        Action<double> progress,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        EvaluationTask[] loaded = [.. wanted.Select(Load)];
        using ReadyModel ready = model.Scored(() => Open(model, cancellation));
        foreach ((int number, EvaluationTask task) in loaded.Index())
        {
            EvaluationOptions options = Options(fraction => progress((number + fraction) / loaded.Length));
            yield return await Task.Run(
                () => model.Scored(() => ScoredTask.Of(ready.Evaluate([task], options, cancellation).Tasks[0])), cancellation);
        }
    }

    private EndpointSettings Endpoint(string url, string model, int contextLength) =>
        new(new Uri(url), model, contextLength, TimeSpan.FromSeconds(settings!.Timeout)) { Attempts = settings.Attempts };
}
