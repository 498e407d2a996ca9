using System.Text.Json.Nodes;
using Pedigree.Evaluation.Residents;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Tests;

/// <summary>Runs whose children are made in the memory of a device, with torch's processor for the device.</summary>
public sealed class ResidentTests(ResidentTests.FromFiles ordinary) : IClassFixture<ResidentTests.FromFiles>, IDisposable
{
    /// <summary>The same runs as if there were no device, by the price of kinship.</summary>
    public sealed class FromFiles : IAsyncLifetime
    {
        private readonly TemporaryFolder _folder = new();

        public Dictionary<string, RunRecord> Runs { get; } = [];

        public async ValueTask InitializeAsync()
        {
            foreach (string price in new[] { Measured, Predicted })
                Runs.Add(
                    price, await EmbeddedHost.RunAsync(Spec(_folder, "all", price), Storage.Store.Open(_folder["store"]), price));
        }

        public string Checkpoint(string digest) => _folder[$"store/checkpoints/{digest}"];

        public ValueTask DisposeAsync()
        {
            _folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }

    private const string Name = "cuda: of the tests", Measured = "measured", Predicted = "predicted";

    // Room for four of the family's models: two parents, their child and one more.
    private const long Four = 1_400_000;

    private readonly TemporaryFolder _folder = new();
    private readonly ResidentModels _device = Device(long.MaxValue);

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("best", Measured, long.MaxValue)]
    [InlineData("top-k", Measured, long.MaxValue)]
    [InlineData("best", Predicted, Four)]
    public async Task Only_children_that_are_kept_are_written_and_all_else_is_as_from_files(
        string keep, string price, long capacity)
    {
        IStore store = Store("store");
        HashSet<string> written = [];
        SynchronousProgress look = new(_ => written.UnionWith(Children(store)));
        using ResidentModels device = Device(capacity);
        RunRecord run = await EmbeddedHost.RunAsync(Spec(keep, price), store, "small", look, device: device);
        Assert.Subset(run.Events.OfType<GenerationCompleted>()
            .SelectMany(generation => keep == "best" ? [generation.Best.Name] : generation.Selected)
            .Select(name => run.State.Find(name).Digest).ToHashSet(), written);
        Assert.All(run.Events.OfType<MergeCompleted>(), merged => Assert.Equal(Name, merged.Device));
        Assert.Equal(Decisions(ordinary.Runs[price]), Decisions(run));
        Assert.Equal(Keeping.Kept(run.State).Select(model => model.Digest).Order(), Children(store));
        Assert.NotEmpty(Children(store));
        Assert.All(Children(store), AssertSameFiles);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["store/tmp"]));

        SortedDictionary<string, string> before = TemporaryFolder.Contents(_folder["store"]);
        using ResidentModels fresh = Device(capacity);
        foreach (ResidentModels? other in new[] { fresh, null })
            Assert.Null(
                (await Auditor.ReplayAsync(store, "small", remerge: true, reevaluate: true, device: other)).FirstDifference);
        Assert.Equal(before, TemporaryFolder.Contents(_folder["store"]));
    }

    [Fact]
    public async Task A_child_that_was_never_written_is_made_where_one_of_its_files_is_opened()
    {
        IStore store = Store("store");
        RunRecord run = await EmbeddedHost.RunAsync(Spec("best"), store, "small", device: _device);
        Model child = run.State.Models.Values.Last(model => model.Generation == 2 && !Children(store).Contains(model.Digest));
        ModelFiles files = await ModelFiles.OfAsync(store, child.Digest, default);
        await using (await files.OpenAsync(files.Files[0], default))
            AssertSameFiles(child.Digest);
    }

    [Theory]
    [InlineData(typeof(MergeCompleted), false)]
    [InlineData(typeof(ModelEvaluated), true)]
    [InlineData(typeof(GenerationCompleted), true)]
    public async Task A_run_that_goes_on_in_another_process_makes_again_what_was_in_memory(Type after, bool onDevice)
    {
        IStore store = Store("store");
        using CancellationTokenSource source = new();
        SynchronousProgress stop = new(news =>
        {
            if (news is EventProgress { Event: var next }
                && next.GetType() == after
                && next is not (ModelEvaluated { Gain: null } or GenerationCompleted { Generation: 0 }))
                source.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => EmbeddedHost.RunAsync(Spec("best"), store, "small", stop, source.Token, device: _device));
        Assert.Empty(Children(store));
        using ResidentModels fresh = Device(long.MaxValue);
        RunRecord run = await EmbeddedHost.RunAsync(Spec("best"), store, "small", device: onDevice ? fresh : null);
        Assert.Equal(Decisions(ordinary.Runs[Measured]), Decisions(run));
        Assert.Equal(Keeping.Kept(run.State).Select(model => model.Digest), Children(store));
        Assert.Null((await Auditor.ReplayAsync(store, "small", remerge: true)).FirstDifference);
    }

    [Theory]
    [InlineData("price: predicted", "method: ties, parameters: { density: 0.5, weight: 1 }, base_model: base", long.MaxValue)]
    [InlineData("price: predicted", "method: slerp, parameters: { t: 0.5 }", 900_000)]
    public async Task What_a_device_cannot_make_is_made_by_the_processor(string kinship, string method, long capacity)
    {
        SpecFile spec = Samples.Write(_folder["other.yaml"],
            Samples.Spec(kinship: kinship, stop: "generations: 1, kinship: null",
                extra: "keep: best").Replace("method: slerp, parameters: { t: 0.5 }", method));
        using ResidentModels device = Device(capacity);
        RunRecord with = await EmbeddedHost.RunAsync(spec, Store("with"), "small", device: device);
        Assert.Equal(EmbeddedHostTests.Decisions(await EmbeddedHost.RunAsync(spec, Store("without"), "small")),
            EmbeddedHostTests.Decisions(with));
    }

    [Fact]
    public async Task Children_that_have_no_room_together_are_measured_from_files()
    {
        IStore store = Store("store");
        HashSet<string> written = [];
        SynchronousProgress look = new(_ => written.UnionWith(Children(store)));
        using ResidentModels device = Device(Four);
        RunRecord run = await EmbeddedHost.RunAsync(Spec("best"), store, "small", look, device: device);
        Assert.Equal(Decisions(ordinary.Runs[Measured]), Decisions(run));
        Assert.True(written.Count > 2);
        Assert.Single(Children(store));
    }

    [Fact]
    public async Task A_child_that_the_processor_makes_otherwise_than_a_device_did_cannot_be_checked_without_such_a_device()
    {
        IStore store = Store("store");
        RunRecord run = await EmbeddedHost.RunAsync(Spec("best"), store, "small", device: _device);
        // As if the device had rounded otherwise: another content, in the log and in what is known of the child.
        MergeCompleted child = run.Events.OfType<MergeCompleted>().First(merged => !Children(store).Contains(merged.Digest));
        string other = new('0', 64), path = store.AddressOf(StoreNames.RemovedRecipe(child.Digest));
        JsonNode recipe = JsonNode.Parse(File.ReadAllText(path))!;
        recipe["content"] = other;
        File.WriteAllText(path, recipe.ToJsonString());
        EventLog log = new(new(store, "other"));
        foreach ((int number, RunEvent decision) in run.Events.Where(next => next is not HostEvent).Index())
            await log.AppendAsync(number, decision == child ? child with { Content = other } : decision, DateTimeOffset.UtcNow);

        UnavailableException error =
            await Assert.ThrowsAsync<UnavailableException>(() => Auditor.ReplayAsync(store, "other", remerge: true));
        Assert.Contains($"{child.Name} was made by {Name}, and comes out otherwise by this processor; "
            + "it can only be checked where there is such a device", error.Message);
        Assert.Contains($"{child.Name} made again has the content digest {child.Content}",
            (await Auditor.ReplayAsync(store, "other", remerge: true, device: _device)).FirstDifference);
        ModelFiles files = await ModelFiles.OfAsync(store, child.Digest, default);
        error = await Assert.ThrowsAsync<UnavailableException>(() => files.OpenAsync(files.Files[0], default));
        Assert.Equal((path, "content"), (error.File, error.Field));
        Assert.Contains($"made by {Name}, which is not to be had here", error.Message);
        Assert.DoesNotContain(child.Digest, Children(store));
    }

    private static ResidentModels Device(long capacity) => new("cpu", Name, capacity);

    private IStore Store(string name) => Storage.Store.Open(_folder[name]);

    private SpecFile Spec(string keep, string price = Measured) => Spec(_folder, keep, price);

    private static SpecFile Spec(TemporaryFolder folder, string keep, string price) =>
        Samples.Write(folder[$"{keep}.yaml"], Samples.Spec(kinship: $"price: {price}", extra: $"keep: {keep}"));

    private void AssertSameFiles(string digest) => Assert.Equal(
        TemporaryFolder.Contents(ordinary.Checkpoint(digest)), TemporaryFolder.Contents(_folder[$"store/checkpoints/{digest}"]));

    private static IEnumerable<string> Children(IStore store) =>
        store.ListAsync("checkpoints", "recipe.json").GetAwaiter().GetResult();

    // But for the spec, which says what is kept, and for who made it.
    private static IEnumerable<RunEvent> Events(RunRecord run) =>
        run.Events.Where(next => next is not (HostEvent or RunStarted))
            .Select(next => next is MergeCompleted merged ? merged with { Device = null } : next);

    private static IEnumerable<string> Decisions(RunRecord run) =>
        Events(run).Select(next => EventJson.ToJson(next).ToJsonString(EventJson.Options));
}
