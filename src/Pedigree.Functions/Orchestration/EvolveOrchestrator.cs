using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.Extensions.Logging;
using Pedigree.Evaluation.Outside;
using Pedigree.Evolution;
using Pedigree.Functions.Activities;
using Pedigree.Weights;

namespace Pedigree.Functions.Orchestration;

/// <summary>
/// A run as a durable orchestration: <see cref="EvolutionRun"/> and nothing else, begun anew after every generation.
/// </summary>
public static class EvolveOrchestrator
{
    internal const string Name = "Evolve";

    /// <summary>Under what it logs.</summary>
    internal const string Category = "Pedigree.Run";

    /// <summary>Name of the event that ends a run at once.</summary>
    internal const string EndEvent = "End";

    /// <summary>
    /// The version of new orchestrations, as in host.json. One of an earlier version has the order of activities that it began
    /// with until its generation is over, and goes on with this one.
    /// </summary>
    internal const string Version = "3.0";

    /// <summary>Runs from the log's end to the end of a generation, or of the run.</summary>
    /// <returns>Why the run ended; null where it begins anew.</returns>
    [Function(Name)]
    public static async Task<string?> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, string input)
    {
        RunOrder order = Wire.Read<RunOrder>(input);
        ILogger logger = context.CreateReplaySafeLogger(Category);
        IReadOnlyList<RunEvent> history = Wire.ReadEvents(await context.CallActivityAsync<string>(
            nameof(LogActivities.ReadLog), order.Run, DurableActivities.Retry));
        Publication publication = new(context, order.Run);
        DurableActivities live = new(context, order, history, publication);
        try
        {
            // What earlier generations have decided, beside this one.
            if (history.Count > 0)
                publication.Begin();
            RunState state = await EvolutionRun.RunAsync(order.Spec, new RecordedActivities(history, live));
            if (state.Completed is not { } completed)
            {
                logger.LogInformation("Run {Run}: generation {Generation} is over", order.Run, state.Generations[^1].Generation);
                await publication.RestAsync();
                context.ContinueAsNew(new ContinueAsNewOptions { NewInput = input, NewVersion = Version });
                return null;
            }
            await context.CallActivityAsync(nameof(LogActivities.WriteReport), order.Run, DurableActivities.Retry);
            logger.LogInformation("Run {Run} ended: {Reason}", order.Run, completed.Reason);
            await publication.FinishAsync();
            return completed.Reason.ToString();
        }
        catch (Exception error) when (Refused(order, error) is { } refusal)
        {
            logger.LogError("Run {Run} has failed: {Reason}", order.Run, refusal.Reason);
            live.Fail(refusal);
            if (error is EvaluatorFailedException)
                await context.CallActivityAsync(
                    nameof(LogActivities.RecordSuspension),
                    Wire.Write(new Suspension(order.Run, error.Message)),
                    DurableActivities.Retry);
            throw;
        }
    }

    private static Refusal? Refused(RunOrder order, Exception error) => error switch
    {
        BadInputException wrong => new(wrong.File, wrong.Field, wrong.Reason),
        InvalidSpecException wrong => new(order.Origin, wrong.Field, wrong.Reason),
        WorkFailedException wrong => new(order.Origin, "models", wrong.Message),
        EvaluatorFailedException failed => new(order.Origin, "evaluator", failed.Message),
        DivergedException wrong => new("log", $"line {wrong.Index + 1}", wrong.Message),
        TaskFailedException failed => new(order.Origin, null, failed.Message),
        _ => null,
    };
}
