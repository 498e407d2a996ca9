using Pedigree.Storage;
using Pedigree.Workflow;
using Pedigree.Workflow.Tests;

[assembly: AssemblyFixture(typeof(Pedigree.Api.Tests.FinishedRun))]

namespace Pedigree.Api.Tests;

/// <summary>A server with one finished run, begun over HTTP, and the same run by the embedded host in another store.</summary>
public sealed class FinishedRun : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    internal TestServer Server { get; private set; } = null!;

    public HttpClient Client => Server.Client;

    public string Home => _folder["store"];

    public RunRecord Embedded { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Embedded = await EmbeddedHost.RunAsync(
            Samples.Write(_folder["spec.yaml"], Samples.Spec()), Store.Open(_folder["embedded"]), "small");
        Server = await TestServer.StartAsync(Home);
        (await Server.PostAsync(Samples.Spec(), "small")).EnsureSuccessStatusCode();
        await Server.WaitAsync("small", "completed", "failed");
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _folder.Dispose();
    }
}
