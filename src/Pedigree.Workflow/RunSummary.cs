using System.Text.Json.Serialization;
using Pedigree.Evolution;

namespace Pedigree.Workflow;

/// <summary>A run in a few numbers, as <c>--json</c> gives it. Averages are in the harness's unit, 0 to 1.</summary>
/// <param name="Strategy">greedy, kinship or random.</param>
/// <param name="Run">The run's id.</param>
/// <param name="Best">The best model.</param>
/// <param name="Base">The base's average.</param>
/// <param name="BestAdmitted">The best of the models that were admitted.</param>
/// <param name="Generations">Generations after the admitted one.</param>
/// <param name="Merges">Merges made.</param>
/// <param name="Evaluations">Models evaluated, the admitted ones and the base included.</param>
/// <param name="StopReason">Why it ended; null while it goes on.</param>
/// <param name="Events">Path of the log.</param>
public sealed record RunSummary(
    string Strategy, string Run, RunSummary.Model Best, RunSummary.Average Base, RunSummary.Model BestAdmitted,
    int Generations, int Merges, int Evaluations, StopReason? StopReason, string Events)
{
    /// <summary>
    /// A model, its average, for the best its folder, and for the best admitted the p-value of the best's difference.
    /// </summary>
    public sealed record Model(
        string Name, [property: JsonPropertyName("average")] double Value,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Path = null,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? PValue = null);

    /// <summary>An average, and the p-value of the best's difference.</summary>
    public sealed record Average(
        [property: JsonPropertyName("average")] double Value,
        [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? PValue = null);

    /// <summary>The summary of a run that has evaluated its admitted models; null before that.</summary>
    public static async Task<RunSummary?> OfAsync(RunRecord run)
    {
        RunState state = run.State;
        if (state.Generations.Count == 0)
            return null;
        Evolution.Model best = state.Population[0], admitted = state.Population.First(model => model.Generation == 0);
        return new(
            state.Spec!.Strategy.Name, run.Id,
            new(best.Name, best.Average!.Value, await run.AddressOfAsync(best)),
            new(state.Base!.Average!.Value, state.Compare(best.Name, RunState.BaseName)?.PValue),
            new(admitted.Name, admitted.Average!.Value, PValue: state.Compare(best.Name, admitted.Name)?.PValue),
            state.Generations[^1].Generation, state.Merges, state.Evaluations, state.Completed?.Reason, run.Run.LogAddress);
    }
}
