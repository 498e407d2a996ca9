using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Tests.Azurite;

namespace Pedigree.Workflow.Tests;

[Collection(AzuriteServer.Serial)]
public sealed class LogEndsTests(AzuriteServer azurite, FinishedRun finished) : IDisposable
{
    // Longer than both ends together.
    private static readonly RunEvent[] Filling = [.. Enumerable.Repeat(new RunSuspended(new string('x', 200)), 200)];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_ends_of_a_log_say_at_every_moment_what_all_of_it_says()
    {
        IStore store = Store.Open(_folder.Path);
        StoredRun run = new(store, "small");
        await AssertAsync(run, []);
        EventLog log = new(run);
        foreach ((int index, RunEvent next) in finished.Run.Events.Index())
        {
            await log.AppendAsync(index, next, DateTimeOffset.UtcNow);
            await AssertAsync(run, finished.Run.Events.Take(index + 1));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_a_long_log_two_small_reads_say_the_same_and_more_is_read_only_where_the_last_generation_ended_further_back(bool blobs)
    {
        IStore kept = blobs ? AzuriteServer.Open(await azurite.AddressAsync(), _folder.Path) : Store.Open(_folder.Path);
        RunEvent[] events = [.. finished.Run.Events];
        int completed = events.Index().Last(each => each.Item is GenerationCompleted).Index;
        foreach ((string id, int place, int most) in ((string, int, int)[])[
            ("before", completed, 2), ("after", completed + 1, 4)])
        {
            RunEvent[] filled = [.. events.Take(place), .. Filling, .. events.Skip(place)];
            await WriteAsync(new(kept, id), filled);
            (IStore store, CountingStore counts) = CountingStore.Of(kept);
            await AssertAsync(new(store, id), filled);
            Assert.Equal(most, counts.Reads.Count);
            Assert.Equal([16384, 16384], counts.Reads.Take(2).Select(read => read.Bytes));
        }
    }

    [Fact]
    public async Task A_damaged_line_at_either_end_is_named_and_a_torn_one_is_not_there_yet()
    {
        StoredRun run = new(Store.Open(_folder.Path), "small");
        RunEvent[] events = [finished.Run.Events[0], .. Filling, .. finished.Run.Events.Skip(1)];
        await WriteAsync(run, events);
        byte[] whole = File.ReadAllBytes(run.LogAddress);
        File.WriteAllBytes(run.LogAddress, [.. whole, .. "{\"id\":"u8]);
        await AssertAsync(run, events);

        async Task<string?> FieldAsync(int flipped)
        {
            byte[] damaged = [.. whole];
            damaged[flipped] ^= 1;
            File.WriteAllBytes(run.LogAddress, damaged);
            return (await Assert.ThrowsAsync<BadInputException>(
                () => LogEnds.ReadAsync(run, TestContext.Current.CancellationToken))).Field;
        }
        Assert.Equal("line 1", await FieldAsync(200));
        Assert.Equal($"byte {whole.AsSpan()[..^1].LastIndexOf((byte)'\n') + 1}", await FieldAsync(whole.Length - 10));
        // A whole line that is another's.
        File.WriteAllText(run.LogAddress, string.Join(
            '\n', File.ReadAllLines(run.LogAddress).SkipLast(2).Append(File.ReadLines(run.LogAddress).First())) + "\n");
        Assert.StartsWith("byte", (await Assert.ThrowsAsync<BadInputException>(
            () => LogEnds.ReadAsync(run, TestContext.Current.CancellationToken))).Field);
    }

    private static async Task WriteAsync(StoredRun run, IEnumerable<RunEvent> events)
    {
        await using RunWriter writer = await RunWriter.OpenAsync(run);
        foreach (RunEvent next in events)
            await writer.AppendAsync(next, DateTimeOffset.UtcNow);
    }

    private static async Task AssertAsync(StoredRun run, IEnumerable<RunEvent> events)
    {
        RunState state = RunState.Of(events);
        LogEnds ends = await LogEnds.ReadAsync(run, TestContext.Current.CancellationToken);
        Assert.Equal(state.Spec?.Strategy.Name, ends.Spec?.Strategy.Name);
        Assert.Equal(state.Generations.LastOrDefault()?.Generation, ends.Generation?.Generation);
        Assert.Equal(state.Completed, ends.Completed);
        Assert.Equal(state.Population is [Model best, ..] ? new Best(best.Name, best.Average!.Value) : null, ends.Best);
    }
}
