using Pedigree.Workflow;

namespace Pedigree.Api.Hosts;

/// <summary>
/// What a host does with runs. Reading them needs none: that comes from the store. Orders that are carried out already may be
/// given again; one that the run's state does not allow is a <see cref="RefusedException"/> with status 409.
/// </summary>
public interface IRunHost
{
    /// <summary>
    /// Accepts a run, for good: it is begun now or when there is room for it. A run that was accepted before is left as it is;
    /// one that has failed is taken up again.
    /// </summary>
    /// <param name="run">Its id.</param>
    /// <param name="spec">
    /// The spec, with absolute paths and its tasks loaded; the models of a run that was begun before are those it names.
    /// </param>
    /// <param name="cancellation">Ends the accepting.</param>
    /// <exception cref="RefusedException">A run of this id was begun with another spec.</exception>
    Task StartAsync(string run, SpecFile spec, CancellationToken cancellation);

    /// <summary>What the host knows of a run; null where it was never asked to do anything with it.</summary>
    Task<HostedRun?> FindAsync(string run, CancellationToken cancellation);

    /// <summary>Ids of the runs that the host was asked to do something with.</summary>
    Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellation);

    /// <summary>Stops work on a run at once, to go on another day.</summary>
    Task SuspendAsync(string run, string? reason, CancellationToken cancellation);

    /// <summary>Goes on with a run that was suspended, has failed, or was begun elsewhere and left unfinished.</summary>
    Task ResumeAsync(string run, string? reason, CancellationToken cancellation);

    /// <summary>Ends a run for good, at once: what it has stands.</summary>
    Task TerminateAsync(string run, string? reason, CancellationToken cancellation);

    /// <summary>Forgets what the host keeps of a run that is over. Its log, its models and its scores stay.</summary>
    Task PurgeAsync(string run, CancellationToken cancellation);
}

/// <summary>A run as its host sees it.</summary>
/// <param name="Status">How it stands.</param>
/// <param name="Error">Why it has failed; null where it has not.</param>
/// <param name="Doing">What is being done at this moment; null where that is not known.</param>
public sealed record HostedRun(RunStatus Status, RunError? Error = null, WorkProgress? Doing = null);

/// <summary>Why a run has failed.</summary>
/// <param name="Field">What is at fault: a key of the spec, a line of the log; null where that is not known.</param>
/// <param name="Detail">What is wrong and what would be right.</param>
public sealed record RunError(string? Field, string Detail);

/// <summary>How a run stands.</summary>
public enum RunStatus
{
    /// <summary>Accepted; other runs come first.</summary>
    Pending,

    /// <summary>Being worked on.</summary>
    Running,

    /// <summary>Someone asked for a break.</summary>
    Suspended,

    /// <summary>
    /// Begun elsewhere, by <c>pedigree run</c> for example, and not finished; this host was not asked to go on with it.
    /// </summary>
    Unattended,

    /// <summary>Stopped by an error. Once that is mended it can be resumed.</summary>
    Failed,

    /// <summary>Someone asked for its end.</summary>
    Terminated,

    /// <summary>It ended by its own rules.</summary>
    Completed,
}
