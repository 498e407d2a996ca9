using System.CommandLine;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;
using Pedigree.Api;
using Pedigree.Api.Serving;
using Pedigree.Weights;
using Pedigree.Workflow.Publishing;
using Pedigree.Workflow.Specs;
using Spectre.Console;

namespace Pedigree.Cli.Commands;

/// <summary>Serves the API.</summary>
internal static class ServeCommand
{
    private const string KeyVariable = "PEDIGREE_KEY";

    public static Command Create()
    {
        Option<string> urls = new("--urls")
        {
            Description = "Where to listen; several are separated by `;`. Only this machine can be served without a key",
            DefaultValueFactory = _ => "http://127.0.0.1:8080",
            HelpName = "urls",
        };
        Option<string> store = Shared.Store();
        Option<string?> key = new("--key")
        {
            Description = $"What every request must show [default: the environment's {KeyVariable}]",
            HelpName = "key",
        };
        Option<string[]> roots = new("--root")
        {
            Description = "Folder that the paths of a spec may lead into; may be given again [default: the current folder]",
            HelpName = "folder",
        };
        Option<int> atOnce = new("--runs-at-once")
        {
            Description = "Runs at a time; the others wait",
            DefaultValueFactory = _ => 1,
            HelpName = "number",
        };
        Option<string?> evaluators = new("--evaluators")
        {
            Description =
                "YAML file of the evaluators that specs may name: they run programs, so that a spec cannot describe one itself",
            HelpName = "file",
        };
        Option<string?> publish = Shared.Publish();
        Verb verb = new("serve", "Serve the HTTP API, and do the work of its runs in this process", "pedigree serve",
            "pedigree serve --urls http://0.0.0.0:8080 --root /models --root /data")
        {
            urls,
            store,
            key,
            roots,
            atOnce,
            evaluators,
            publish,
        };
        verb.Does(async (parsed, cancellation) =>
        {
            RunsApiOptions api = parsed.GetValue(roots) is [_, ..] given ? new() { Roots = given } : new();
            if (parsed.GetValue(evaluators) is { } file)
                api = api with { Evaluators = EvaluatorReader.ReadFile(file) };
            string? secret = parsed.GetValue(key)
                ?? (Environment.GetEnvironmentVariable(KeyVariable) is { Length: > 0 } set ? set : null);
            await using WebApplication server = PedigreeServer.Create(new()
            {
                Urls = parsed.GetValue(urls)!.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries),
                Store = parsed.GetValue(store)!,
                Key = secret,
                RunsAtOnce = parsed.GetValue(atOnce),
                Api = api,
                Events = EventTarget.OfEnvironment(parsed.GetValue(publish)),
            });
            try
            {
                await server.StartAsync(cancellation);
            }
            catch (IOException error)
            {
                throw new BadInputException("--urls", null, $"cannot be listened on: {error.Message}");
            }
            Output.Of(parsed).Print(new { server.Urls, api.Roots, Key = secret is not null },
                console => console.WriteLine($"Serving {string.Join(" and ", server.Urls)}; Ctrl-C ends it in good order."));
            await server.WaitForShutdownAsync(cancellation);
            return 0;
        });
        return verb;
    }
}
