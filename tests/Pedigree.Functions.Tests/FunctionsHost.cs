using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Pedigree.Workflow.Tests.Publishing;

namespace Pedigree.Functions.Tests;

/// <summary>
/// The app in a real Functions host, with Azurite for its queues, its tables and its store, all on free ports of this machine.
/// PEDIGREE_FUNC_HOST names the host (Microsoft.Azure.WebJobs.Script.WebHost.dll, or func); otherwise func on the PATH is it.
/// PEDIGREE_AZURITE names Azurite's script, otherwise the one pinned in tests/azurite.
/// </summary>
public sealed class FunctionsHost : IAsyncLifetime
{
    private const string Key = "a-key-for-tests";
    private const string StorageKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private readonly TemporaryFolder _folder = new();
    private readonly int[] _ports = FreePorts(4);
    private readonly ConcurrentQueue<(string Run, string Line)> _published = new();
    private Receiver? _receiver;
    private TraceCollector? _collector;
    private Process? _azurite;
    private Process? _host;

    /// <summary>The app's store.</summary>
    public BlobContainerClient Store => new(Storage, "pedigree");

    /// <summary>Sends with the key of the function.</summary>
    public HttpClient Client { get; } = new();

    /// <summary>Sends without a key.</summary>
    public HttpClient Stranger { get; } = new();

    /// <summary>Whether the webhook to which the app publishes answers.</summary>
    public bool Receives { private get; set; } = true;

    /// <summary>What the webhook was given of a run, in the order in which it came.</summary>
    public IReadOnlyList<string> PublishedOf(string run) =>
        [.. _published.Where(each => each.Run == run).Select(each => each.Line)];

    /// <summary>The spans of a trace that host and worker have sent so far.</summary>
    internal IReadOnlyList<Span> SpansOf(string trace) => _collector!.SpansOf(trace);

    /// <summary>A folder that the paths of a spec may lead into, beside the sample family.</summary>
    public string Models => _folder["models"];

    /// <summary>Why the host cannot be started here; null where it can.</summary>
    public static string? Missing =>
        HostProgram is null ? "no Functions host: set PEDIGREE_FUNC_HOST, or put func on the PATH"
        : AzuriteScript is null ? "no Azurite: set PEDIGREE_AZURITE, or run npm ci --prefix tests/azurite" : null;

    public async ValueTask InitializeAsync()
    {
        if (Missing is not null)
            return;
        _azurite = Start("node", [
            AzuriteScript!, "--silent", "--loose", "--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry",
            "--blobHost", "127.0.0.1", "--blobPort", $"{_ports[0]}", "--queueHost", "127.0.0.1", "--queuePort", $"{_ports[1]}",
            "--tableHost", "127.0.0.1", "--tablePort", $"{_ports[2]}"], "azurite.log", _ => { });
        foreach (int port in _ports[..3])
            await ListensAsync(port);
        _receiver = await Receiver.StartAsync();
        _receiver.Answer = _ => Receives ? 200 : 503;
        _receiver.Sees = (_, body) =>
            _published.Enqueue((((string)JsonNode.Parse(body)!["source"]!).Split('/')[^1], Encoding.UTF8.GetString(body)));
        _collector = await TraceCollector.StartAsync();
        Directory.CreateDirectory(Models);
        Directory.CreateDirectory(_folder["secrets"]);
        await File.WriteAllTextAsync(Path.Combine(_folder["secrets"], "host.json"), new JsonObject
        {
            ["masterKey"] = new JsonObject { ["name"] = "master", ["value"] = "the-master-of-tests", ["encrypted"] = false },
            ["functionKeys"] = new JsonArray(new JsonObject { ["name"] = "default", ["value"] = Key, ["encrypted"] = false }),
            ["systemKeys"] = new JsonArray(),
        }.ToJsonString());
        Client.BaseAddress = Stranger.BaseAddress = new($"http://127.0.0.1:{_ports[3]}");
        Client.DefaultRequestHeaders.Add("x-functions-key", Key);
        await StartAsync();
    }

    /// <summary>Starts the host and waits until it answers.</summary>
    public async Task StartAsync()
    {
        string app = Path.Combine(
            AppContext.BaseDirectory, "..", "..", "Pedigree.Functions", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')));
        string[] arguments = HostProgram!.EndsWith(".dll", StringComparison.Ordinal)
            ? [HostProgram] : ["start", "--port", $"{_ports[3]}", "--no-build"];
        _host = Start(arguments is [_] ? "dotnet" : HostProgram, arguments, "host.log", start =>
        {
            start.WorkingDirectory = Path.GetFullPath(app);
            // A container's name makes the host take this machine for a consumption plan.
            start.Environment.Remove("CONTAINER_NAME");
            foreach ((string name, string value) in new Dictionary<string, string>
            {
                ["AzureWebJobsScriptRoot"] = Path.GetFullPath(app),
                ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{_ports[3]}",
                ["WEBSITE_HOSTNAME"] = $"127.0.0.1:{_ports[3]}",
                ["FUNCTIONS_WORKER_RUNTIME"] = "dotnet-isolated",
                ["AZURE_FUNCTIONS_ENVIRONMENT"] = "Development",
                ["AzureWebJobsSecretStorageType"] = "files",
                ["AzureWebJobsDisableHomepage"] = "true",
                ["FUNCTIONS_SECRETS_PATH"] = _folder["secrets"],
                ["AzureWebJobsStorage"] = Storage,
                ["PEDIGREE_STORE"] = Storage,
                ["PEDIGREE_CACHE"] = _folder["cache"],
                ["PEDIGREE_ROOTS"] = $"{Samples.Family};{Models}",
                ["PEDIGREE_EVENTS_WEBHOOK"] = _receiver!.Address,
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _collector!.Address,
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                // Work that died with its worker is given out again after the shortest time that the host allows.
                ["AzureFunctionsJobHost__extensions__durableTask__storageProvider__workItemQueueVisibilityTimeout"] = "00:01:00",
                ["AzureFunctionsJobHost__extensions__durableTask__storageProvider__maxQueuePollingInterval"] = "00:00:01",
            })
                start.Environment[name] = value;
        });
        for (int second = 0; ; second++)
        {
            try
            {
                using HttpResponseMessage answer = await Client.GetAsync("/api/runs");
                if (answer.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException)
            {
            }
            Assert.True(second < 120 && !_host.HasExited, $"the host does not come up: {await HostLogAsync()}");
            await Task.Delay(TimeSpan.FromSeconds(1));
        }
    }

    /// <summary>Kills host and worker at once.</summary>
    public async Task KillAsync()
    {
        _host!.Kill(entireProcessTree: true);
        await _host.WaitForExitAsync();
    }

    /// <summary>Posts a spec that must be accepted.</summary>
    public async Task PostAsync(string spec, string run)
    {
        using HttpResponseMessage answer = await Client.PostAsync(
            $"/api/runs?run={run}", new StringContent(spec, Encoding.UTF8, "application/yaml"));
        Assert.True(answer.StatusCode == HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Gives an order that must be accepted.</summary>
    public async Task OrderAsync(string run, string order)
    {
        using HttpResponseMessage answer = await Client.PostAsync($"/api/runs/{run}/{order}", null);
        Assert.True(answer.StatusCode == HttpStatusCode.Accepted, await answer.Content.ReadAsStringAsync());
    }

    public async Task<JsonNode> GetAsync(string path) => JsonNode.Parse(await Client.GetStringAsync(path))!;

    /// <summary>Waits until a run stands so.</summary>
    public async Task<JsonNode> WaitAsync(string run, string status)
    {
        for (; ; await Task.Delay(250))
        {
            JsonNode document = await GetAsync($"/api/runs/{run}");
            if ((string)document["status"]! == status)
                return document;
            Assert.False((string)document["status"]! is "failed", document.ToJsonString());
        }
    }

    /// <summary>Lines of a run's log; none where it has not begun.</summary>
    public async Task<string[]> LogAsync(string run)
    {
        BlobClient log = Store.GetBlobClient($"runs/{run}/events.jsonl");
        return await log.ExistsAsync()
            ? (await log.DownloadContentAsync()).Value.Content.ToString().TrimEnd('\n').Split('\n')
            : [];
    }

    /// <summary>Every file below a folder of the store with its bytes.</summary>
    public SortedDictionary<string, string> Contents(string folder) => new(
        Store.GetBlobs(BlobTraits.None, BlobStates.None, $"{folder}/", default).ToDictionary(
            blob => blob.Name[(folder.Length + 1)..],
            blob => Convert.ToBase64String(Store.GetBlobClient(blob.Name).DownloadContent().Value.Content)),
        StringComparer.Ordinal);

    /// <summary>Waits until the log of a run has so many lines.</summary>
    public async Task WaitForEventsAsync(string run, int lines)
    {
        while ((await LogAsync(run)).Length < lines)
            await Task.Delay(50);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (Process? process in new[] { _host, _azurite })
            if (process is { HasExited: false })
                process.Kill(entireProcessTree: true);
        _host?.WaitForExit();
        if (_receiver is not null)
            await _receiver.DisposeAsync();
        if (_collector is not null)
            await _collector.DisposeAsync();
        Client.Dispose();
        Stranger.Dispose();
        _folder.Dispose();
    }

    private string Storage => $"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={StorageKey};"
        + $"BlobEndpoint=http://127.0.0.1:{_ports[0]}/devstoreaccount1;QueueEndpoint=http://127.0.0.1:{_ports[1]}/devstoreaccount1;"
        + $"TableEndpoint=http://127.0.0.1:{_ports[2]}/devstoreaccount1;";

    private static string? HostProgram =>
        Environment.GetEnvironmentVariable("PEDIGREE_FUNC_HOST") is { Length: > 0 } named ? named
            : (Environment.GetEnvironmentVariable("PATH") ?? "")
                .Split(Path.PathSeparator)
                .Select(folder => Path.Combine(folder, "func"))
                .FirstOrDefault(File.Exists);

    private static string? AzuriteScript =>
        Environment.GetEnvironmentVariable("PEDIGREE_AZURITE") is { Length: > 0 } named ? named
            : Path.Combine(Samples.Family, "..", "..", "tests", "azurite", "node_modules", "azurite", "dist", "src",
                "azurite.js") is var script && File.Exists(script) ? script : null;

    private async Task<string> HostLogAsync()
    {
        await using FileStream log = new(_folder["host.log"], FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return await new StreamReader(log).ReadToEndAsync();
    }

    private Process Start(string program, IEnumerable<string> arguments, string log, Action<ProcessStartInfo> configure)
    {
        ProcessStartInfo start = new(
            "bash", ["-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1 </dev/null", "bash", _folder[log], program, .. arguments]);
        configure(start);
        return Process.Start(start)!;
    }

    private static async Task ListensAsync(int port)
    {
        for (int attempt = 0; ; attempt++)
        {
            using TcpClient client = new();
            try
            {
                await client.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException) when (attempt < 300)
            {
                await Task.Delay(100);
            }
        }
    }

    private static int[] FreePorts(int count)
    {
        TcpListener[] listeners = [.. Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0))];
        foreach (TcpListener listener in listeners)
            listener.Start();
        int[] ports = [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        foreach (TcpListener listener in listeners)
            listener.Dispose();
        return ports;
    }
}
