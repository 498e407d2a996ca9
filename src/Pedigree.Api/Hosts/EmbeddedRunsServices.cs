using Microsoft.Extensions.DependencyInjection;

namespace Pedigree.Api.Hosts;

/// <summary>Adds the host that runs in its own process.</summary>
public static class EmbeddedRunsServices
{
    /// <param name="services">To add to.</param>
    /// <param name="atOnce">Runs at a time; the others wait.</param>
    public static IServiceCollection AddEmbeddedRuns(this IServiceCollection services, int atOnce) => services
        .AddSingleton(_ => new Workers(atOnce)).AddSingleton<EmbeddedRuns>()
        .AddSingleton<IRunHost>(provider => provider.GetRequiredService<EmbeddedRuns>())
        .AddHostedService(provider => provider.GetRequiredService<EmbeddedRuns>());
}
