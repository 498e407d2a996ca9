using Microsoft.DurableTask;
using Microsoft.Extensions.Logging;
using Pedigree.Functions.Activities;

namespace Pedigree.Functions.Orchestration;

/// <summary>
/// Publishes what the log of a run holds beside the run, by one activity at a time, so that events keep their
/// order. A run neither waits for a receiver that is down nor fails with it: what one activity could not deliver is
/// left for the next generation.
/// </summary>
internal sealed class Publication(TaskOrchestrationContext context, string run)
{
    // Nobody comes after the last event: twelve tries in more than three hours.
    private static readonly TaskOptions UntilDelivered = TaskOptions.FromRetryPolicy(
        new RetryPolicy(12, TimeSpan.FromSeconds(10), backoffCoefficient: 2, maxRetryInterval: TimeSpan.FromHours(1)));

    private Task<bool> _last = Task.FromResult(true);

    /// <summary>Publishes what is new, unless that is being done or nobody took the last.</summary>
    public void Begin()
    {
        if (_last is { IsCompleted: true, Result: true })
            _last = PublishAsync(null);
    }

    /// <summary>Done once nothing is being published.</summary>
    public Task RestAsync() => _last;

    /// <summary>Publishes what is left once the run is over.</summary>
    public async Task FinishAsync()
    {
        await _last;
        await PublishAsync(UntilDelivered);
    }

    private async Task<bool> PublishAsync(TaskOptions? options)
    {
        try
        {
            await context.CallActivityAsync(nameof(PublishActivity.Publish), run, options);
            return true;
        }
        catch (TaskFailedException error)
        {
            context.CreateReplaySafeLogger(EvolveOrchestrator.Category)
                .LogWarning("Run {Run}: not all of its events were published: {Reason}", run, error.Message);
            return false;
        }
    }
}
