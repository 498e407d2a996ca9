[assembly: AssemblyFixture(typeof(Pedigree.Workflow.Tests.FinishedRun))]

namespace Pedigree.Workflow.Tests;

/// <summary>
/// One small run, made once and left in peace; tests that write into its store, or only lock something there, copy it.
/// </summary>
public sealed class FinishedRun : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    public string Store => _folder["store"];

    public SpecFile Spec { get; private set; } = null!;

    public RunRecord Run { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Spec = Samples.Write(_folder["spec.yaml"], Samples.Spec());
        Run = await EmbeddedHost.RunAsync(Spec, Storage.Store.Open(Store), "small");
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
