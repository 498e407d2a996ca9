using Pedigree.Evolution;

namespace Pedigree.Workflow.Report;

/// <summary>Why a run ended, as a sentence.</summary>
public static class StopWords
{
    /// <summary>The sentence, without a full stop.</summary>
    public static string Of(RunState state)
    {
        if (state.Completed is not { } completed)
            return "it still goes on";
        StopSpec stop = state.Spec!.Stop;
        return completed.Reason switch
        {
            StopReason.Converged => "every pair that the strategy would choose was merged before: there is nothing new to try",
            StopReason.Kinship => Saturated(state.Generations[^1], stop),
            StopReason.Generations => $"the limit of {Format.Plural(stop.Generations ?? 0, "generation")} was reached",
            StopReason.Evaluations => $"the limit of {Format.Plural(stop.Evaluations ?? 0, "evaluation")} was reached",
            StopReason.Patience => $"{Format.Plural(stop.Patience ?? 0, "generation")} brought no better best model",
            _ => "someone asked it to stop",
        };
    }

    private static string Saturated(GenerationCompleted last, StopSpec stop) =>
        Format.Text($"saturation: the mean kinship of the {last.Selected.Count} best is {last.MeanKinship:0.000}, ")
        + Format.Text($"past the threshold of {stop.Kinship}: they are nearly the same model");
}
