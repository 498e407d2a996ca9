namespace Pedigree.Workflow;

/// <summary>What an audit found.</summary>
/// <param name="Run">The run's id.</param>
/// <param name="Events">Events in the log.</param>
/// <param name="Identical">Whether everything is as recorded.</param>
/// <param name="FirstDifference">The first thing that is not: where, and what; null where all is identical.</param>
public sealed record ReplayResult(string Run, int Events, bool Identical, string? FirstDifference);
