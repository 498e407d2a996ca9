using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using Pedigree.Api;
using Pedigree.Api.Hosts;
using Pedigree.Functions;
using Pedigree.Functions.Http;
using Pedigree.Storage;
using Pedigree.Workflow;
using Pedigree.Workflow.Specs;

FunctionsApplicationBuilder builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();

Settings settings = Settings.Of(builder.Configuration);
builder.Services.AddRunsApi(Store.Open(settings.Store), new RunsApiOptions
{
    Roots = settings.Roots,
    Evaluators = settings.Evaluators is { } file ? EvaluatorReader.ReadFile(file) : RunsApiOptions.BuiltInAlone,
});
builder.Services.AddSingleton(settings)
    .AddScoped<DurableClientOfRequest>()
    .AddScoped<IRunHost, DurableRuns>()
    .AddSingleton<ApiRoutes>();

IOpenTelemetryBuilder telemetry = builder.Services.AddOpenTelemetry().UseFunctionsWorkerDefaults();
telemetry.WithTracing(tracing => tracing.AddSource(Telemetry.SourceName));
if (settings.Collector)
    telemetry.UseOtlpExporter();

builder.Build().Run();
