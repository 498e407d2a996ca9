using Pedigree.Evolution;
using Pedigree.Workflow;
using Pedigree.Workflow.Report;

namespace Pedigree.Cli;

/// <summary>
/// Progress on standard error. On a terminal the last line lives; in a file there is a plain line for every event, and
/// none for the work between.
/// </summary>
internal sealed class ProgressLines(string? prefix = null) : IProgress<RunProgress>
{
    private readonly Lock _writing = new();
    private readonly bool _live = !Console.IsErrorRedirected;
    private int _recorded;

    /// <summary>Whether the run was finished before it was taken up now.</summary>
    public bool WasFinished { get; private set; }

    public void Report(RunProgress value)
    {
        switch (value)
        {
            case WorkProgress work:
                Show($"{Doing(work.Activity)} {work.Name}", work.Fraction);
                break;
            case WaitProgress wait:
                Line(wait.Reason);
                break;
            case EventProgress { Recorded: true } known:
                _recorded++;
                WasFinished |= known.Event is RunCompleted;
                break;
            case EventProgress { Event: var happened }:
                if (_recorded > 0)
                    Line($"going on from {Format.Plural(_recorded, "recorded event")}");
                _recorded = 0;
                if (Describe(happened) is { } words)
                    Line(words);
                break;
        }
    }

    /// <summary>Shows how far a piece of work has come, where someone watches.</summary>
    public void Show(string work, double fraction) => Show($"{work} {100 * fraction:0} %");

    /// <summary>Shows what is being done, where someone watches.</summary>
    public void Show(string work)
    {
        if (_live)
            Write($"\r\e[K{Prefix}{work}");
    }

    /// <summary>A line that stays.</summary>
    public void Line(string words) => Write($"{Clear}{Prefix}{words}{Environment.NewLine}");

    /// <summary>Ends the living line.</summary>
    public void Done() => Write(Clear);

    private string Clear => _live ? "\r\e[K" : "";

    private string Prefix => prefix is null ? "" : $"{prefix}: ";

    private void Write(string text)
    {
        lock (_writing)
            Console.Error.Write(text);
    }

    private static string Doing(string activity) => activity switch
    {
        "admit" => "admitting",
        "measure" => "measuring kinship of",
        "merge" => "merging",
        "evaluate" => "evaluating",
        "compare" => "comparing",
        "verify" => "verifying",
        "keep" => "keeping",
        "remake" => "making again",
        "upload" => "uploading",
        "download" => "downloading",
        _ => activity,
    };

    private static string? Describe(RunEvent happened) => happened switch
    {
        ModelAdmitted admitted => $"admitted {admitted.Name}, {Format.Count(admitted.Parameters)} parameters",
        ModelEvaluated evaluated => $"evaluated {evaluated.Name}: {Format.Percent(evaluated.Average)} %"
            + (evaluated.Gain is { } gain ? $", gain {Format.Points(gain)}" : "")
            + (evaluated.Partial is { } partial ? $" estimated, given up after {partial.Asked} of {partial.Items} items" : ""),
        MergeCompleted merged => $"merged {merged.Parents[0]} and {merged.Parents[1]} into {merged.Name}",
        WorkFailed failed => $"could not {failed.Activity} {failed.Name}: {failed.Error}",
        GenerationCompleted { Generation: 0 } first =>
            $"admitted models: best {first.Best.Name} {Format.Percent(first.Best.Average)} %",
        GenerationCompleted completed =>
            $"generation {completed.Generation}: best {completed.Best.Name} {Format.Percent(completed.Best.Average)} %, "
            + $"mean kinship {Format.Kinship(completed.MeanKinship)}, {Format.Name(completed.Stage)}",
        RunCompleted => "finished",
        _ => null,
    };
}
