using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pedigree.Api.Hosts;
using Pedigree.Api.Requests;
using Pedigree.Api.Responses;
using Pedigree.Storage;

namespace Pedigree.Api.Serving;

/// <summary>The API in a process of its own, which also does the work.</summary>
public static class PedigreeServer
{
    private const int LongestRequestLine = 32 * 1024;

    /// <summary>
    /// The server, not started. Nothing but the options configures it: neither the environment nor a file moves its addresses.
    /// </summary>
    /// <exception cref="Weights.BadInputException">An option is not right.</exception>
    public static WebApplication Create(ServerOptions options)
    {
        options.Check();
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls([.. options.Urls]).ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = SpecBody.MostBytes;
            kestrel.Limits.MaxRequestLineSize = LongestRequestLine;
        });
        builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
            // That it cannot start is told by whoever started it.
            .AddFilter((category, level) => level >= LogLevel.Warning
                && category is not ("Microsoft.Extensions.Hosting.Internal.Host" or "Microsoft.AspNetCore.Server.Kestrel"));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(50));
        builder.Services.AddRunsApi(Store.Open(options.Store), options.Api).AddEmbeddedRuns(options.RunsAtOnce, options.Events);
        builder.AddTracing();

        WebApplication app = builder.Build();
        app.UseMiddleware<Problems>();
        if (options.Key is null)
            app.UseMiddleware<LocalGuard>();
        else
            app.UseMiddleware<KeyGuard>(options.Key);
        app.UseRunsApi();
        return app;
    }
}
