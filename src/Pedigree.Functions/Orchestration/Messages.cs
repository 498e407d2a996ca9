using Pedigree.Evolution;
using Pedigree.Workflow;

namespace Pedigree.Functions.Orchestration;

/// <summary>A run as its orchestration is given it.</summary>
/// <param name="Run">Its id, and the orchestration's.</param>
/// <param name="Origin">Path of the spec; relative paths begin at its folder.</param>
/// <param name="Spec">What to run.</param>
/// <param name="End">Whether it is to end at once, with what its log has.</param>
internal sealed record RunOrder(string Run, string Origin, RunSpec Spec, bool End = false)
{
    public SpecFile SpecFile => new(Origin, Path.GetDirectoryName(Origin)!, Spec);
}

/// <summary>One piece of work.</summary>
internal sealed record Work<TRequest>(RunOrder Order, TRequest Request);

/// <summary>
/// What became of a piece of work. What can never succeed comes back as a result, so that it is not tried again whatever the host
/// makes of exceptions; what may succeed another time is thrown.
/// </summary>
/// <param name="Value">The result.</param>
/// <param name="Failed">Why this child cannot be made or scored.</param>
/// <param name="Refused">What must be mended before the run can go on.</param>
/// <param name="Evaluator">How the evaluator failed, tried as often as the spec says.</param>
internal sealed record Outcome<TResult>(TResult? Value, string? Failed = null, Refusal? Refused = null, string? Evaluator = null);

/// <summary>Bad input: the file, the field and what would be right.</summary>
internal sealed record Refusal(string File, string? Field, string Reason);

/// <summary>Decisions to be recorded, the first of this number.</summary>
/// <param name="Events">As <see cref="Wire.WriteEvents"/> writes them.</param>
internal sealed record Decisions(RunOrder Order, int First, string Events);

/// <summary>Why a run cannot go on for now.</summary>
internal sealed record Suspension(string Run, string Reason);

/// <summary>How a run stands: the orchestration's custom status.</summary>
internal sealed record Progress(
    int? Generation = null,
    Best? Best = null,
    double? Kinship = null,
    IReadOnlyList<string>? Running = null,
    Refusal? Error = null);
