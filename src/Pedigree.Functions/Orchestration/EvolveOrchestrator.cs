using Microsoft.Azure.Functions.Worker;
using Microsoft.DurableTask;
using Microsoft.Extensions.Logging;
using Pedigree.Evaluation.Outside;
using Pedigree.Evolution;
using Pedigree.Functions.Activities;
using Pedigree.Weights;

namespace Pedigree.Functions.Orchestration;

/// <summary>A run as a durable orchestration: <see cref="EvolutionRun"/> and nothing else, begun anew after every generation.</summary>
public static class EvolveOrchestrator
{
    internal const string Name = "Evolve";

    /// <summary>Name of the event that ends a run at once.</summary>
    internal const string EndEvent = "End";

    // Nobody comes after the last event: twelve tries in more than three hours.
    private static readonly TaskOptions untilDelivered = TaskOptions.FromRetryPolicy(
        new RetryPolicy(12, TimeSpan.FromSeconds(10), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromHours(1)));

    /// <summary>Runs from the log's end to the end of a generation, or of the run.</summary>
    /// <returns>Why the run ended; null where it begins anew.</returns>
    [Function(Name)]
    public static async Task<string?> RunAsync([OrchestrationTrigger] TaskOrchestrationContext context, string input)
    {
        RunOrder order = Wire.Read<RunOrder>(input);
        ILogger logger = context.CreateReplaySafeLogger("Pedigree.Run");
        IReadOnlyList<RunEvent> history = Wire.ReadEvents(await context.CallActivityAsync<string>(nameof(LogActivities.ReadLog), order.Run, DurableActivities.Retry));
        DurableActivities live = new(context, order, history);
        try
        {
            // What earlier generations have decided, beside this one.
            Task published = history.Count > 0 ? PublishAsync(context, order.Run, logger) : Task.CompletedTask;
            RunState state = await EvolutionRun.RunAsync(order.Spec, new RecordedActivities(history, live));
            if (state.Completed is not { } completed)
            {
                logger.LogInformation("Run {Run}: generation {Generation} is over", order.Run, state.Generations[^1].Generation);
                await published;
                context.ContinueAsNew(input);
                return null;
            }
            await context.CallActivityAsync(nameof(LogActivities.WriteReport), order.Run, DurableActivities.Retry);
            logger.LogInformation("Run {Run} ended: {Reason}", order.Run, completed.Reason);
            await published;
            await PublishAsync(context, order.Run, logger, untilDelivered);
            return completed.Reason.ToString();
        }
        catch (Exception error) when (Refused(order, error) is { } refusal)
        {
            logger.LogError("Run {Run} has failed: {Reason}", order.Run, refusal.Reason);
            live.Fail(refusal);
            if (error is EvaluatorFailedException)
                await context.CallActivityAsync(nameof(LogActivities.RecordSuspension), Wire.Write(new Suspension(order.Run, error.Message)), DurableActivities.Retry);
            throw;
        }
    }

    /// <summary>Publishes what the log holds; a run does not fail with it.</summary>
    private static async Task PublishAsync(TaskOrchestrationContext context, string run, ILogger logger, TaskOptions? options = null)
    {
        try
        {
            await context.CallActivityAsync(nameof(PublishActivity.Publish), run, options);
        }
        catch (TaskFailedException error)
        {
            logger.LogWarning("Run {Run}: not all of its events were published: {Reason}", run, error.Message);
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
