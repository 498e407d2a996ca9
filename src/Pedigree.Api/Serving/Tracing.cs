using System.Collections;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Pedigree.Workflow;

namespace Pedigree.Api.Serving;

/// <summary>Spans of requests, runs and activities, sent to a collector where the environment names one.</summary>
internal static class Tracing
{
    private const string Prefix = "OTEL_";

    /// <summary>
    /// Where OpenTelemetry's own environment variables (OTEL_EXPORTER_OTLP_ENDPOINT and the others) name
    /// a collector, sends to it.
    /// </summary>
    public static void AddTracing(this WebApplicationBuilder builder)
    {
        Dictionary<string, string?> settings = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Select(variable => KeyValuePair.Create((string)variable.Key, (string?)variable.Value))
            .Where(variable => variable.Key.StartsWith(Prefix, StringComparison.Ordinal) && !string.IsNullOrEmpty(variable.Value))
            .ToDictionary();
        if (!settings.ContainsKey("OTEL_EXPORTER_OTLP_ENDPOINT") && !settings.ContainsKey("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
            return;
        builder.Configuration.AddInMemoryCollection(settings);
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("pedigree").AddEnvironmentVariableDetector())
            .WithTracing(tracing => tracing.AddSource(Telemetry.SourceName).AddAspNetCoreInstrumentation().AddOtlpExporter());
    }
}
