using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pedigree.Workflow.Publishing;

namespace Pedigree.Api.Hosts;

/// <summary>Adds the host that runs in its own process.</summary>
public static class EmbeddedRunsServices
{
    /// <param name="services">To add to.</param>
    /// <param name="atOnce">Runs at a time; the others wait.</param>
    /// <param name="target">Where their events are published; null for nowhere.</param>
    public static IServiceCollection AddEmbeddedRuns(this IServiceCollection services, int atOnce, EventTarget? target = null) =>
        services.AddSingleton(_ => new Workers(atOnce))
            .AddSingleton<EmbeddedRuns>()
            .AddSingleton(provider => new RunPublishing(target, provider.GetRequiredService<ILogger<RunPublishing>>()))
            // Before the runs, and so stopped after them: their last events are published too.
            .AddHostedService(provider => provider.GetRequiredService<RunPublishing>())
            .AddSingleton<IRunHost>(provider => provider.GetRequiredService<EmbeddedRuns>())
            .AddHostedService(provider => provider.GetRequiredService<EmbeddedRuns>());
}
