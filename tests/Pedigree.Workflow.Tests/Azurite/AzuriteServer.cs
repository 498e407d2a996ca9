using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Azure.Storage.Blobs;
using Pedigree.Storage;
using Pedigree.Weights.Checkpoints;
using Pedigree.Workflow.Tests.Azurite;

[assembly: AssemblyFixture(typeof(AzuriteServer))]

namespace Pedigree.Workflow.Tests.Azurite;

/// <summary>
/// Azurite, in the version that tests/azurite pins, on a free port of this machine; installed and started when a test first asks
/// for it. Where that cannot be done the test is skipped and says why.
/// </summary>
public sealed partial class AzuriteServer : IAsyncDisposable
{
    /// <summary>The collection of all tests that use it: they run one after the other.</summary>
    public const string Serial = "Azurite";

    private static readonly string Folder = Path.Combine(Samples.Root, "tests", "azurite");

    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(64));
    private readonly TemporaryFolder _folder = new();
    private readonly Lazy<Task<string>> _endpoint;
    private Process? _server;

    public AzuriteServer() => _endpoint = new(StartAsync);

    /// <summary>A connection string for a container that no other test uses.</summary>
    public async Task<string> AddressAsync()
    {
        try
        {
            return $"AccountName=pedigree;AccountKey={_key};BlobEndpoint={await _endpoint.Value};Container=c{Guid.NewGuid():n}";
        }
        catch (NotStartedException error)
        {
            Assert.Skip(error.Message);
            throw;
        }
    }

    /// <summary>The store of a connection string, as the machine to which the cache belongs sees it.</summary>
    internal static IStore Open(string address, string cache, BlobClientOptions? options = null) =>
        Store.Open(address, options ?? Store.Options(), new CheckpointCache(cache, long.MaxValue));

    /// <summary>The container itself, to look at it and to damage what is in it.</summary>
    internal static BlobContainerClient Container(string address) => Storage.Blobs.BlobAddress.Parse(address, new())!;

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            _server.Kill(entireProcessTree: true);
            await _server.WaitForExitAsync();
            _server.Dispose();
        }
        _folder.Dispose();
    }

    private async Task<string> StartAsync()
    {
        await InstallAsync();
        ProcessStartInfo start = new("node",
        [
            Path.Combine(Folder, "node_modules", "azurite", "dist", "src", "blob", "main.js"), "--blobHost", "127.0.0.1",
            "--blobPort", "0",
            "--location", _folder.Path, "--skipApiVersionCheck", "--loose", "--silent", "--disableTelemetry",
        ])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["AZURITE_ACCOUNTS"] = $"pedigree:{_key}";
        _server = Started(start);
        while (await _server.StandardOutput.ReadLineAsync() is { } line)
            if (Listening().Match(line) is { Success: true } match)
                return $"{match.Value}/pedigree";
        throw new NotStartedException("Azurite ended before it listened");
    }

    private static async Task InstallAsync()
    {
        // Test programs that run side by side install it once.
        using FileStream held = await LockFile.TakeAsync(Path.Combine(Path.GetTempPath(), "pedigree-azurite.lock"));
        // npm writes this file last.
        if (File.Exists(Path.Combine(Folder, "node_modules", ".package-lock.json")))
            return;
        using Process npm = Started(new(OperatingSystem.IsWindows() ? "npm.cmd" : "npm", ["ci", "--no-audit", "--no-fund"])
        {
            WorkingDirectory = Folder,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        });
        Task<string> output = npm.StandardOutput.ReadToEndAsync(), errors = npm.StandardError.ReadToEndAsync();
        await npm.WaitForExitAsync();
        await output;
        if (npm.ExitCode != 0)
            throw new NotStartedException($"Azurite could not be installed with npm ci: {await errors}");
    }

    private static Process Started(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception error)
        {
            throw new NotStartedException($"Azurite needs Node.js: {error.Message}");
        }
    }

    private sealed class NotStartedException(string message) : Exception(message);

    [GeneratedRegex(@"http://127\.0\.0\.1:\d+")]
    private static partial Regex Listening();
}
