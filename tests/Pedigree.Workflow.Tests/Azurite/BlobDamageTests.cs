using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Tests.Azurite;

[Collection(AzuriteServer.Serial)]
public sealed class BlobDamageTests(AzuriteServer azurite, FinishedRun finished) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_flipped_bit_in_the_log_or_in_any_file_of_a_child_is_found_and_named()
    {
        string address = await azurite.AddressAsync();
        IStore store = AzuriteServer.Open(address, _folder["cache"]);
        RunRecord run = await EmbeddedHost.RunAsync(finished.Spec, store, "small");
        BlobContainerClient container = AzuriteServer.Container(address);

        string child = StoreNames.Checkpoint(run.Events.OfType<MergeCompleted>().Last().Digest);
        foreach (BlobItem item in container.GetBlobs(
            BlobTraits.None, BlobStates.None, $"{child}/", TestContext.Current.CancellationToken))
        {
            BlobClient blob = container.GetBlobClient(item.Name);
            byte[] whole = (await blob.DownloadContentAsync()).Value.Content.ToArray();
            await blob.UploadAsync(new BinaryData(Flipped(whole, whole.Length - 2)), overwrite: true);
            ReplayResult damaged = await Auditor.ReplayAsync(store, "small");
            Assert.False(damaged.Identical, item.Name);
            Assert.Contains(child, damaged.FirstDifference);
            await blob.UploadAsync(new BinaryData(whole), overwrite: true);
        }
        Assert.Null((await Auditor.ReplayAsync(store, "small")).FirstDifference);

        AppendBlobClient log = container.GetAppendBlobClient(run.Run.Log);
        byte[] lines = (await log.DownloadContentAsync()).Value.Content.ToArray();
        await log.DeleteAsync();
        await log.CreateAsync();
        await log.AppendBlockAsync(new MemoryStream(Flipped(lines, Array.IndexOf(lines, (byte)'\n') + 200)));
        ReplayResult result = await Auditor.ReplayAsync(store, "small");
        Assert.False(result.Identical);
        Assert.Contains("line 2", result.FirstDifference);
    }

    [Fact]
    public async Task A_record_whose_files_would_climb_out_is_refused_and_nothing_is_written()
    {
        string address = await azurite.AddressAsync();
        IStore store = AzuriteServer.Open(address, _folder["cache"]);
        string digest = new('a', 64);
        foreach (string name in new[] { "../climbed", "..", "a/b" })
        {
            await store.WriteAsync(
                StoreNames.Recipe(digest), new BinaryData($$$"""{"files":{"{{{name}}}":"{{{digest}}}"}}""").ToMemory());
            await Assert.ThrowsAsync<BadInputException>(() => store.OpenCheckpointAsync(digest));
        }
        await Assert.ThrowsAsync<ArgumentException>(() => store.WriteAsync("runs/../climbed", default));
        Assert.Empty(Directory.EnumerateFiles(_folder.Path, "*climbed*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task A_wrong_key_is_one_clear_error()
    {
        string address = await azurite.AddressAsync();
        int key = address.IndexOf("AccountKey=", StringComparison.Ordinal) + "AccountKey=".Length;
        string wrong = address[..key] + (address[key] == 'A' ? 'B' : 'A') + address[(key + 1)..];
        UnavailableException error = await Assert.ThrowsAsync<UnavailableException>(
            () => EmbeddedHost.RunAsync(finished.Spec, AzuriteServer.Open(wrong, _folder["cache"]), "small"));
        Assert.Contains("the key or identity was refused", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public async Task A_store_that_cannot_be_reached_is_one_clear_error()
    {
        const string Nobody = "AccountName=a;AccountKey=AAAA;BlobEndpoint=http://127.0.0.1:1/a";
        BlobClientOptions options = Store.Options();
        options.Retry.Delay = TimeSpan.FromMilliseconds(1);
        StoreUnavailableException error = await Assert.ThrowsAsync<StoreUnavailableException>(
            () => EmbeddedHost.RunAsync(finished.Spec, AzuriteServer.Open(Nobody, _folder["cache"], options), "small"));
        Assert.Contains("http://127.0.0.1:1/a/pedigree: cannot be reached", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    private static byte[] Flipped(byte[] whole, int position)
    {
        byte[] flipped = [.. whole];
        flipped[position] ^= 4;
        return flipped;
    }
}
