using System.Diagnostics;
using System.Text.Json.Nodes;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Activities;
using Pedigree.Workflow.Tests.Azurite;

namespace Pedigree.Workflow.Tests;

/// <summary>Runs that keep few checkpoints decide as one that keeps all, and make the others again to the last bit.</summary>
[Collection(AzuriteServer.Serial)]
public sealed class KeepTests(FinishedRun finished, AzuriteServer azurite) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("best", 1)]
    [InlineData("top-k", 3)]
    public async Task Only_children_that_are_kept_have_checkpoints_and_all_else_is_as_if_all_had(string keep, int most)
    {
        IStore store = Store.Open(_folder["store"]);
        RunRecord run = await RunAsync(store, keep);
        Assert.Equal(Decisions(finished.Run), Decisions(run));
        string[] kept = [.. run.State.Population.Take(most).Where(model => model.Generation > 0).Select(model => model.Digest)];
        Assert.NotEmpty(kept);
        Assert.Equal(kept.Order(), await ChildrenAsync(store));
        Assert.Equal(Files("scores"), Directory.GetFiles(_folder["store/scores"]).Select(Path.GetFileName).Order());
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["store/tmp"]));

        SortedDictionary<string, string> before = TemporaryFolder.Contents(_folder["store"]);
        ReplayResult replay = await Auditor.ReplayAsync(store, "small", remerge: true, reevaluate: true);
        Assert.Null(replay.FirstDifference);
        Assert.Null((await Auditor.ReplayAsync(store, "small", reevaluate: true)).FirstDifference);
        Assert.Equal(before, TemporaryFolder.Contents(_folder["store"]));
    }

    [Fact]
    public async Task A_removed_child_is_made_again_to_the_last_bit_where_one_of_its_files_is_opened()
    {
        IStore store = Store.Open(_folder["store"]);
        RunRecord run = await RunAsync(store, "best");
        // A child of a child, so that its parent is made again too.
        Model removed =
            run.State.Models.Values.Last(model => model.Generation == 2 && model.Digest != run.State.Population[0].Digest);
        Assert.DoesNotContain(removed.Digest, await ChildrenAsync(store));
        ModelFiles files = await ModelFiles.OfAsync(store, removed.Digest, default);
        using MemoryStream weights = new();
        await using (Stream stream = await files.OpenAsync(files.Files.Single(file => file.Name == "model.safetensors"), default))
            await stream.CopyToAsync(weights);
        Assert.Equal(File.ReadAllBytes(Path.Combine(finished.Store, "checkpoints", removed.Digest, "model.safetensors")),
            weights.ToArray());
        Assert.Equal(TemporaryFolder.Contents(Path.Combine(finished.Store, "checkpoints", removed.Digest)),
            TemporaryFolder.Contents(store.AddressOf(StoreNames.Checkpoint(removed.Digest))));
    }

    [Fact]
    public async Task A_child_that_comes_out_otherwise_is_an_error_and_not_kept()
    {
        IStore store = Store.Open(_folder["store"]);
        await RunAsync(store, "best");
        string path = Directory.GetFiles(_folder["store/recipes"], "*.json").First(file => Generation(file) == 1);
        JsonNode recipe = JsonNode.Parse(File.ReadAllText(path))!;
        recipe["content"] = new string('0', 64);
        File.WriteAllText(path, recipe.ToJsonString());
        ModelFiles files = await ModelFiles.OfAsync(store, Path.GetFileNameWithoutExtension(path), default);
        BadInputException error = await Assert.ThrowsAsync<BadInputException>(() => files.OpenAsync(files.Files[0], default));
        Assert.Equal((path, "content"), (error.File, error.Field));
        Assert.False(Directory.Exists(store.AddressOf(StoreNames.Checkpoint(Path.GetFileNameWithoutExtension(path)))));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["store/tmp"]));
        Assert.Contains("0000", (await Auditor.ReplayAsync(store, "small")).FirstDifference);

        int Generation(string file) =>
            finished.Run.State.Models.Values.Single(model => model.Digest == Path.GetFileNameWithoutExtension(file)).Generation;
    }

    [Fact]
    public async Task What_another_run_of_the_store_keeps_or_was_admitted_to_one_is_not_removed()
    {
        IStore store = Store.Open(_folder["store"]);
        TemporaryFolder.Copy(finished.Store, _folder["store"]);
        string[] all = await ChildrenAsync(store);
        await RunAsync(store, "best", "second");
        Assert.Equal(all, await ChildrenAsync(store));

        // Without the run that keeps all, one child stays that a third run has for a model.
        Directory.Delete(_folder["store/runs/small"], recursive: true);
        Directory.Delete(_folder["store/runs/second"], recursive: true);
        string admitted = finished.Run.Events.OfType<MergeCompleted>().First().Digest;
        SpecFile spec = Samples.Write(_folder["third.yaml"], Samples.Spec(stop: "generations: 1")
            .Replace($"{Samples.Family}/shift\n", $"{store.AddressOf(StoreNames.Checkpoint(admitted))}\n"));
        await EmbeddedHost.RunAsync(spec, store, "third");
        string[] third = [.. (await Runs.LoadAsync(store, "third")).State.Models.Values
            .Where(model => model.Generation > 0)
            .Select(model => model.Digest)];
        RunRecord again = await RunAsync(store, "best", "second");
        string best = again.State.Population.First(model => model.Generation > 0).Digest;
        Assert.Equal(third.Append(admitted).Append(best).Distinct().Order(), (await ChildrenAsync(store)).Order());
    }

    [Fact]
    public async Task Logs_that_were_read_for_a_removal_are_not_read_again_for_the_next_one()
    {
        IStore store = Store.Open(_folder["store"]);
        RunRecord run = await RunAsync(store, "best");
        Model removable = run.State.Population.Last(model => model.Generation > 0);
        string log = new StoredRun(store, "small").LogAddress;
        byte[] whole = File.ReadAllBytes(log);
        RunWork work = new(store, Spec("best"));
        Assert.False(await IsThereAfterRemovalAsync(work));
        File.WriteAllBytes(log, [(byte)(whole[0] ^ 1), .. whole[1..]]);
        Assert.False(await IsThereAfterRemovalAsync(work));
        // Who must read it knows no more what is needed.
        Assert.True(await IsThereAfterRemovalAsync(new(Store.Open(_folder["store"]), Spec("best"))));

        async Task<bool> IsThereAfterRemovalAsync(RunWork removing)
        {
            using (StoredModels models = new(store))
                Assert.NotNull(await models.FolderAsync(removable.Digest));
            await removing.KeepAsync(new([], [new(removable.Name, removable.Digest)]));
            return Directory.Exists(store.AddressOf(StoreNames.Checkpoint(removable.Digest)));
        }
    }

    [Fact]
    public async Task A_run_that_keeps_few_killed_at_random_moments_ends_as_if_left_in_peace()
    {
        SpecFile spec = Spec("best");
        Random random = new(7);
        IStore store = Store.Open(_folder["store"]);
        Stopwatch watch = Stopwatch.StartNew();
        using (Process whole = HostProcess.Start(spec.Path, _folder["whole"], "small"))
            await whole.WaitForExitAsync(TestContext.Current.CancellationToken);
        TimeSpan time = watch.Elapsed;
        for (int kills = 0; ; kills++)
        {
            using Process process = HostProcess.Start(spec.Path, _folder["store"], "small");
            if (kills < 8 && !process.WaitForExit(time * (0.3 + (0.7 * random.NextDouble()))))
            {
                process.Kill();
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
                continue;
            }
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(process.ExitCode == 0, await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
            break;
        }
        Assert.Equal(Decisions(finished.Run), Decisions(await Runs.LoadAsync(store, "small")));
        Assert.Null((await Auditor.ReplayAsync(store, "small", remerge: true)).FirstDifference);
        Assert.Equal(await ChildrenAsync(Store.Open(_folder["whole"])), await ChildrenAsync(store));
    }

    [Fact]
    public async Task On_blobs_only_the_best_child_is_left_and_the_others_are_made_again()
    {
        string address = await azurite.AddressAsync();
        IStore store = AzuriteServer.Open(address, _folder["cache"]);
        RunRecord run = await RunAsync(store, "best");
        Assert.Equal(Decisions(finished.Run), Decisions(run));
        Assert.Equal([run.State.Population.First(model => model.Generation > 0).Digest], await ChildrenAsync(store));
        IStore elsewhere = AzuriteServer.Open(address, _folder["elsewhere"]);
        Assert.Null((await Auditor.ReplayAsync(elsewhere, "small", remerge: true)).FirstDifference);
        Model removed = run.State.Population.Last(model => model.Generation > 0);
        ModelFiles files = await ModelFiles.OfAsync(elsewhere, removed.Digest, default);
        await (await files.OpenAsync(files.Files[0], default)).DisposeAsync();
        using LocalCheckpoint made = (await store.OpenCheckpointAsync(removed.Digest, anew: true))!;
        Assert.Equal(TemporaryFolder.Contents(Path.Combine(finished.Store, "checkpoints", removed.Digest)),
            TemporaryFolder.Contents(made.Folder));
    }

    [Fact]
    public void A_rule_that_is_not_known_is_named() => Assert.Contains("use all, top-k, best (did you mean `best`?)",
        Assert.Throws<BadInputException>(() => Spec("bets")).Message);

    private SpecFile Spec(string keep) => Samples.Write(_folder[$"{keep}.yaml"], Samples.Spec(extra: $"keep: {keep}"));

    private Task<RunRecord> RunAsync(IStore store, string keep, string id = "small") =>
        EmbeddedHost.RunAsync(Spec(keep), store, id);

    private string[] Files(string folder) =>
        [.. Directory.GetFiles(Path.Combine(finished.Store, folder)).Select(file => Path.GetFileName(file)).Order()];

    private static async Task<string[]> ChildrenAsync(IStore store) => [.. await store.ListAsync("checkpoints", "recipe.json")];

    // Of the spec, which says what is kept, nothing but the rest.
    private static IEnumerable<string> Decisions(RunRecord run) => EmbeddedHostTests.Decisions(run).Skip(1);
}
