using Pedigree.Weights;

namespace Pedigree.Workflow;

/// <summary>Runs a spec here, one piece of work at a time, and takes up again what was interrupted.</summary>
public static class EmbeddedHost
{
    /// <summary>
    /// Begins a run, or goes on with it from its log; a finished one is returned as it is. Nothing is written before spec, tasks
    /// and models have been found right.
    /// </summary>
    /// <param name="spec">What to run.</param>
    /// <param name="store">Folder of the store; made where there is none.</param>
    /// <param name="runId">Id of the run.</param>
    /// <param name="progress">Told of work and events, recorded ones included.</param>
    /// <param name="cancellation">Ends the run in good order: the same call takes it up again.</param>
    /// <exception cref="BadInputException">Spec, models or store are not right, or another process writes the run.</exception>
    /// <exception cref="OperationCanceledException">The run was suspended.</exception>
    public static Task<RunRecord> RunAsync(
        SpecFile spec, string store, string runId, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default) =>
        throw new NotSupportedException($"{spec} {store} {runId} {progress} {cancellation}");
}
