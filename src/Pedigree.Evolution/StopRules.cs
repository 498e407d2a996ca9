namespace Pedigree.Evolution;

/// <summary>The rules that end a run after a generation; that nothing is left to merge is found when pairs are chosen.</summary>
public static class StopRules
{
    /// <summary>
    /// The first rule that applies, or null. Kinship is that of all pairs of S: one merge's own parents can be 0.93 alike and
    /// have the best child of the run.
    /// </summary>
    public static StopReason? Check(RunState state)
    {
        (RunSpec spec, StopSpec stop) = (state.Spec!, state.Spec!.Stop);
        GenerationCompleted last = state.Generations[^1];
        if (last.Stage == Stage.Saturation)
            return StopReason.Kinship;
        if (last.Generation >= stop.Generations)
            return StopReason.Generations;
        if (state.Evaluations >= stop.Evaluations)
            return StopReason.Evaluations;
        if (stop.Patience is { } patience && last.Generation >= patience
            && !IsBetter(state, last.Best, state.Generations[^(patience + 1)].Best))
            return StopReason.Patience;
        return null;
    }

    /// <summary>Where the spec asks for significance, a best that cannot be told from the one before is no better one.</summary>
    private static bool IsBetter(RunState state, Best now, Best before) => now.Average > before.Average
        && (state.Spec!.Significance is not { } level || state.Compare(now.Name, before.Name)?.PValue < level);

    /// <summary>Saturation once children were made and the mean kinship of S passes the threshold.</summary>
    internal static Stage StageOf(RunState state, int generation, double? meanKinship) =>
        generation > 0 && meanKinship is { } mean && state.Spec!.Stop.Kinship is { } threshold
            && state.Spec.Kinship.Measure.Passes(mean, threshold)
            ? Stage.Saturation : Stage.Learning;
}
