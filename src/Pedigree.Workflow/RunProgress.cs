using Pedigree.Evolution;

namespace Pedigree.Workflow;

/// <summary>News of a run, for whoever watches.</summary>
public abstract record RunProgress;

/// <summary>Work is being done.</summary>
/// <param name="Activity">admit, measure, merge, evaluate, compare, keep, verify, open, remake, upload or download.</param>
/// <param name="Name">Name of the model, or the names of several with commas between.</param>
/// <param name="Fraction">Done so far, 0 to 1.</param>
public sealed record WorkProgress(string Activity, string Name, double Fraction) : RunProgress;

/// <summary>Nothing can be done yet.</summary>
/// <param name="Reason">What is waited for.</param>
public sealed record WaitProgress(string Reason) : RunProgress;

/// <summary>An event is in the log.</summary>
/// <param name="Event">The event.</param>
/// <param name="Recorded">Whether it was there before the host took the run up.</param>
public sealed record EventProgress(RunEvent Event, bool Recorded) : RunProgress;
