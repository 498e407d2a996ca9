using System.Text.Json.Nodes;
using Pedigree.Api.Serving;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Workflow;
using Pedigree.Workflow.Specs;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

/// <summary>A server that offers an evaluator of its own.</summary>
public sealed class EvaluatorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static bool HasShell => !OperatingSystem.IsWindows();

    public void Dispose() => _folder.Dispose();

    [Fact(SkipUnless = nameof(HasShell), Skip = "Windows has no /bin/sh")]
    public async Task A_run_names_an_evaluator_of_the_server_fails_with_it_and_goes_on_once_it_works()
    {
        File.WriteAllText(_folder["evaluators.yaml"],
            $"mine: {{ name: command, command: [/bin/sh, {_folder["evaluator.sh"]}], timeout: 60, attempts: 1 }}\n");
        await using TestServer server = await TestServer.StartAsync(new ServerOptions
        {
            Urls = ["http://127.0.0.1:0"],
            Store = _folder["store"],
            Api = new() { Roots = [Samples.Family], Evaluators = EvaluatorReader.ReadFile(_folder["evaluators.yaml"]) },
        });
        string[] lines = [.. Samples.Spec(stop: "generations: 1, kinship: null", extra: "evaluator: mine")
            .Split('\n')
            .Where(line => !line.Contains("- { task:", StringComparison.Ordinal))];
        string spec = string.Join('\n', lines).Replace("tasks:", "tasks: [{ task: quality }]");

        File.WriteAllText(_folder["evaluator.sh"], "echo gone >&2; exit 3");
        (await server.PostAsync(spec, "r")).EnsureSuccessStatusCode();
        JsonNode failed = await server.WaitAsync("r", "failed", "completed");
        Assert.Contains("exited with 3: gone", (string?)failed["error"]!["detail"]
            ?? failed["error"]!.ToJsonString(), StringComparison.Ordinal);

        // The better, the more bytes of the file's checksum.
        File.WriteAllText(_folder["evaluator.sh"], """
            input=$(cat)
            model=$(echo "$input" | sed 's/.*"model":"\([^"]*\)".*/\1/')
            case "$input" in *'"model":null'*) results='{}';; *) results="{\"quality\": {\"acc,none\": 0.$(cksum < "$model/model.safetensors" | cut -c1-4)}}";; esac
            echo "{\"evaluator\": \"mine 1.2\", \"results\": $results}"
            """);
        await server.OrderAsync("r", "resume");
        await server.WaitAsync("r", "completed", "failed");
        IReadOnlyList<RunEvent> log =
            (await Runs.LoadAsync(Store.Open(_folder["store"]), "r", TestContext.Current.CancellationToken)).Events;
        Assert.IsType<RunCompleted>(log[^1]);
        Assert.All(log.OfType<ModelEvaluated>(), model => Assert.Equal("mine 1.2", model.Evaluator));
        Assert.Contains("exited with 3: gone", Assert.Single(log.OfType<RunSuspended>()).Reason, StringComparison.Ordinal);
        // Without results item by item nothing is compared.
        Assert.Empty(log.OfType<ModelsCompared>());
    }
}
