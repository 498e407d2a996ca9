using Pedigree.Evolution;
using Pedigree.Workflow;
using Pedigree.Workflow.Report;

namespace Pedigree.Cli;

/// <summary>A run's outcome in words.</summary>
internal static class Verdict
{
    /// <summary>How the best model stands to the base and the best admitted model, and why the run ended.</summary>
    public static string Of(RunRecord run)
    {
        RunState state = run.State;
        if (state.Generations.IsEmpty)
            return "The admitted models are not all evaluated"
                + (state.Completed is null ? " yet." : $", and will not be: {StopWords.Of(state)}.");
        Model best = state.Population[0], admitted = state.Population.First(model => model.Generation == 0);
        string standing = best.Name == admitted.Name
            ? $"no child is better than {admitted.Name}, which was admitted with {Percent(admitted.Average)}"
            : $"{best.Name} scores {Percent(best.Average)}, "
                + $"{Format.Points(best.Average - admitted.Average)} points against the best admitted model "
                + $"({admitted.Name}, {Percent(admitted.Average)}{Format.WithPValue(state.Compare(best.Name, admitted.Name))})";
        return $"{state.Spec!.Strategy.Name}: {standing} and "
            + $"{Format.Points(best.Average - state.Base!.Average)} against the base "
            + $"({Percent(state.Base.Average)}{Format.WithPValue(state.Compare(best.Name, RunState.BaseName))}). {Saved(state)}"
            + $"{(state.Completed is null ? "It is not finished." : $"Why it ended: {StopWords.Of(state)}.")}";
    }

    /// <summary>What sequential evaluation has saved.</summary>
    private static string Saved(RunState state) =>
        state.Models.Values.Select(model => model.Partial).OfType<PartialEvaluation>().ToList() is { Count: > 0 } given
            ? $"{(given.Count == 1 ? "1 child was" : $"{given.Count} children were")} given up early, which saved "
                + $"{given.Sum(partial => partial.Items - partial.Asked)} of their {given.Sum(partial => partial.Items)} items. "
            : "";

    /// <summary>What one run reached beyond another, and for how much more.</summary>
    /// <param name="one">The one.</param>
    /// <param name="other">The other.</param>
    /// <param name="best">Their best models, item by item; null where they are the same or cannot be compared.</param>
    public static string Compare(RunRecord one, RunRecord other, ModelComparison? best)
    {
        (string first, string second) = (one.State.Spec!.Strategy.Name, other.State.Spec!.Strategy.Name);
        double difference = (one.State.Population[0].Average - other.State.Population[0].Average)!.Value;
        int more = one.State.Evaluations - other.State.Evaluations;
        string found = difference switch
        {
            > 0 => $"{first} found a model {Format.Percent(difference)} points better than {second}",
            < 0 => $"{first} ended {Format.Percent(-difference)} points below {second}",
            _ => $"{first} and {second} reached the same average",
        };
        return $"{found}{Format.WithPValue(best)}, "
            + $"for {(more >= 0 ? Format.Plural(more, "evaluation") + " more" : Format.Plural(-more, "evaluation") + " fewer")}.";
    }

    private static string Percent(double? average) => $"{Format.Percent(average)} %";
}
