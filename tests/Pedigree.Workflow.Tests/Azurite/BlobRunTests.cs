using Azure.Storage.Blobs;
using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Workflow.Tests.Azurite;

[Collection(AzuriteServer.Serial)]
public sealed class BlobRunTests(AzuriteServer azurite, FinishedRun finished) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_on_blobs_decides_as_on_a_folder_makes_the_same_bytes_and_replays_on_a_machine_that_has_nothing()
    {
        string address = await azurite.AddressAsync();
        await EmbeddedHost.RunAsync(finished.Spec, AzuriteServer.Open(address, _folder["first"]), "small");

        IStore elsewhere = AzuriteServer.Open(address, _folder["second"]);
        await AssertSameAsync(finished, elsewhere);
        ReplayResult replay = await Auditor.ReplayAsync(elsewhere, "small", remerge: true);
        Assert.Null(replay.FirstDifference);
        Assert.Equal(finished.Run.Events.Count, replay.Events);

        RunRecord second = await EmbeddedHost.RunAsync(finished.Spec, elsewhere, "second");
        Assert.Equal(EmbeddedHostTests.Decisions(finished.Run), EmbeddedHostTests.Decisions(second));
        Assert.Equal(["second", "small"], await Runs.ListAsync(elsewhere));
    }

    [Fact]
    public async Task A_child_that_is_downloaded_makes_room_for_itself_in_the_cache()
    {
        string address = await azurite.AddressAsync();
        RunRecord run = await EmbeddedHost.RunAsync(finished.Spec, AzuriteServer.Open(address, _folder["first"]), "small");
        string[] children = [.. run.Events.OfType<MergeCompleted>().Select(merged => merged.Digest).Take(2)];
        long one = new DirectoryInfo(Path.Combine(_folder["first"], children[0])).EnumerateFiles().Sum(file => file.Length);
        IStore store = Store.Open(address, Store.Options(), new CheckpointCache(_folder["second"], one * 3 / 2));
        foreach (string child in children)
        {
            Fractions progress = [];
            (await store.OpenCheckpointAsync(child, progress: progress))!.Dispose();
            Assert.Equal(progress.Order(), progress);
            Assert.Contains(progress, fraction => fraction is > 0 and < 1);
            Assert.Equal(1, progress[^1]);
        }
        Assert.Equal([children[1]], Directory.EnumerateDirectories(_folder["second"])
            .Select(Path.GetFileName)
            .Where(name => name != "tmp"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_run_of_which_every_call_fails_once_ends_the_same(int seed)
    {
        string address = await azurite.AddressAsync();
        FailsOnce faults = new(seed);
        BlobClientOptions options = Store.Options();
        options.Transport = faults;
        options.Retry.Delay = TimeSpan.FromMilliseconds(1);
        await EmbeddedHost.RunAsync(finished.Spec, AzuriteServer.Open(address, _folder["first"], options), "small");
        Assert.True(faults.Unsent > 50 && faults.Unanswered > 50 && faults.AppendsUnanswered > 5,
            $"{faults.Unsent} not sent, {faults.Unanswered} not answered, {faults.AppendsUnanswered} of them appends");
        await AssertSameAsync(finished, AzuriteServer.Open(address, _folder["second"]));
    }

    /// <summary>
    /// Asserts that a run on blobs has the decisions of the one on a folder and that its best child has the same bytes.
    /// </summary>
    internal static async Task AssertSameAsync(FinishedRun finished, IStore store)
    {
        RunRecord run = await Runs.LoadAsync(store, "small");
        Assert.Equal(EmbeddedHostTests.Decisions(finished.Run), EmbeddedHostTests.Decisions(run));
        Model best = run.State.Population.First(model => model.Generation > 0);
        using LocalCheckpoint checkpoint = (await store.OpenCheckpointAsync(best.Digest, anew: true))!;
        Assert.Equal(
            TemporaryFolder.Contents(await finished.Run.AddressOfAsync(best) ?? ""), TemporaryFolder.Contents(checkpoint.Folder));
    }

    private sealed class Fractions : List<double>, IProgress<double>
    {
        public void Report(double value) => Add(value);
    }
}
