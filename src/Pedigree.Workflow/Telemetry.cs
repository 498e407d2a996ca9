using System.Diagnostics;

namespace Pedigree.Workflow;

/// <summary>Spans of runs and of their activities, for whoever listens (OpenTelemetry does).</summary>
public static class Telemetry
{
    /// <summary>Name of the source.</summary>
    public const string SourceName = "Pedigree";

    internal static ActivitySource Source { get; } = new(SourceName);
}
