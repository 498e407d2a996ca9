using Microsoft.Extensions.Configuration;
using Pedigree.Weights;
using Pedigree.Workflow.Publishing;

namespace Pedigree.Functions;

/// <summary>What the app's settings say.</summary>
/// <param name="Store">A folder that all workers share, a storage connection or an account's URL.</param>
/// <param name="Roots">Folders that the paths of a spec may lead into.</param>
/// <param name="Evaluators">YAML file of the evaluators that specs may name; null for the built-in one alone.</param>
/// <param name="Events">Where the events of runs are published; null for nowhere.</param>
/// <param name="Collector">Whether OpenTelemetry's own variables name a collector.</param>
public sealed record Settings(string Store, IReadOnlyList<string> Roots, string? Evaluators, EventTarget? Events, bool Collector)
{
    /// <exception cref="BadInputException">A setting is missing or wrong.</exception>
    internal static Settings Of(IConfiguration configuration) => new(
        Required(configuration, "PEDIGREE_STORE",
            "a folder that all workers share, UseDevelopmentStorage=true, a connection string or an account's URL"),
        Required(configuration, "PEDIGREE_ROOTS", "the folders, separated by ';', that the paths of a spec may lead into")
            .Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
        configuration["PEDIGREE_EVALUATORS"],
        EventTarget.OfEnvironment(),
        !string.IsNullOrEmpty(configuration["OTEL_EXPORTER_OTLP_ENDPOINT"]));

    private static string Required(IConfiguration configuration, string name, string meaning) =>
        configuration[name] is { Length: > 0 } value
            ? value
            : throw new BadInputException("application settings", name, $"is missing: {meaning}");
}
