using Azure.Storage.Blobs.Models;
using Pedigree.Evolution;
using Pedigree.Storage;
using Process = System.Diagnostics.Process;

namespace Pedigree.Workflow.Tests.Azurite;

[Collection(AzuriteServer.Serial)]
public sealed class BlobCrashTests(AzuriteServer azurite, FinishedRun finished) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_whose_process_is_killed_goes_on_once_its_lease_has_run_out_computes_nothing_again_and_replays()
    {
        string address = await azurite.AddressAsync();
        IStore store = AzuriteServer.Open(address, _folder["looking"]);
        StoredRun run = new(store, "small");
        using (Process first = HostProcess.Start(finished.Spec.Path, address, "small", cache: _folder["cache"]))
        {
            while (!first.HasExited && (await EventLog.ReadAsync(run)).All(logged => logged.Event is not MergeCompleted))
                await Task.Delay(20);
            first.Kill();
            await first.WaitForExitAsync();
        }
        Assert.True((await EventLog.ReadAsync(run)).Count < finished.Run.Events.Count, "it was over before it was killed");
        Dictionary<string, string> before = Finished(address);
        Assert.Contains(before.Keys, name => name.EndsWith("recipe.json", StringComparison.Ordinal));

        using Process second = HostProcess.Start(finished.Spec.Path, address, "small", cache: _folder["cache"]);
        string output = await second.StandardError.ReadToEndAsync();
        await second.WaitForExitAsync();
        Assert.True(second.ExitCode == 0, output);
        Dictionary<string, string> after = Finished(address);
        Assert.All(before, blob => Assert.Equal(blob.Value, after[blob.Key]));
        await BlobRunTests.AssertSameAsync(finished, store);
        Assert.Null((await Auditor.ReplayAsync(store, "small", remerge: true, reevaluate: true)).FirstDifference);
    }

    // A checkpoint's files stay as they are even before all are there.
    private static Dictionary<string, string> Finished(string address) => new[] { "checkpoints/", "scores/" }
        .SelectMany(
            folder => AzuriteServer.Container(address).GetBlobs(BlobTraits.None, BlobStates.None, folder, CancellationToken.None))
        .ToDictionary(blob => blob.Name, blob => blob.Properties.ETag.ToString()!);
}
