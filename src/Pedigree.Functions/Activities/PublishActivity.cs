using Microsoft.Azure.Functions.Worker;
using Pedigree.Storage;
using Pedigree.Workflow.Publishing;

namespace Pedigree.Functions.Activities;

/// <summary>Publishes the events of runs, where the settings say where to.</summary>
public sealed class PublishActivity(IStore store, Settings settings)
{
    /// <summary>
    /// Publishes what a run's log holds and was not published yet. That takes seconds at most; what is left is for the next call.
    /// </summary>
    /// <exception cref="InvalidOperationException">Not all of it was accepted.</exception>
    [Function(nameof(Publish))]
    public async Task Publish([ActivityTrigger] string run, CancellationToken cancellation)
    {
        if (settings.Events is { } target
            && (await EventPublisher.DeliverAsync(new(store, run), target, cancellation: cancellation)).Warning is { } warning)
            throw new InvalidOperationException(warning);
    }
}
