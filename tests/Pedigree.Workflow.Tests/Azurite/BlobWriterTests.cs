using Azure.Storage.Blobs.Specialized;
using Pedigree.Evolution;
using Pedigree.Storage;

namespace Pedigree.Workflow.Tests.Azurite;

[Collection(AzuriteServer.Serial)]
public sealed class BlobWriterTests(AzuriteServer azurite, FinishedRun finished) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Of_two_processes_on_one_run_the_second_is_refused_and_the_first_loses_nothing()
    {
        string address = await azurite.AddressAsync();
        string? refused = null;
        // Blocks the first in the middle of its run.
        SynchronousProgress second = new(news =>
        {
            if (refused is not null || news is not EventProgress { Event: MergeCompleted })
                return;
            using System.Diagnostics.Process process = HostProcess.Start(
                finished.Spec.Path, address, "small", cache: _folder["second"]);
            refused = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.Equal(2, process.ExitCode);
        });
        IStore store = AzuriteServer.Open(address, _folder["first"]);
        await EmbeddedHost.RunAsync(finished.Spec, store, "small", second);
        Assert.Contains("run small is being written by another process", refused);
        await BlobRunTests.AssertSameAsync(finished, store);
    }

    [Fact]
    public async Task A_writer_whose_lease_went_to_another_is_refused_at_its_next_append_and_both_logs_are_whole()
    {
        string address = await azurite.AddressAsync();
        StoredRun run = new(AzuriteServer.Open(address, _folder["cache"]), "r");
        await using RunWriter first = await RunWriter.OpenAsync(run);
        await first.AppendAsync(new RunSuspended("first"), DateTimeOffset.UtcNow);
        await AzuriteServer.Container(address).GetAppendBlobClient(run.Log).GetBlobLeaseClient().BreakAsync(TimeSpan.Zero);
        await using (RunWriter second = await RunWriter.OpenAsync(run))
        {
            await second.AppendAsync(new RunSuspended("second"), DateTimeOffset.UtcNow);
            await AssertRefusedAsync();
        }
        // Nobody holds it now, but its position is no longer the end.
        await AssertRefusedAsync();
        Assert.Equal(["first", "second"],
            (await EventLog.ReadAsync(run, mayBeTorn: false)).Select(logged => ((RunSuspended)logged.Event).Reason));

        async Task AssertRefusedAsync() => Assert.Contains("is being written by another process",
            (await Assert.ThrowsAsync<RunHeldException>(
                () => first.AppendAsync(new RunSuspended("lost"), DateTimeOffset.UtcNow))).Message);
    }

    [Fact]
    public async Task Of_appends_at_one_position_one_is_kept_and_the_others_are_told()
    {
        StoredRun run = new(AzuriteServer.Open(await azurite.AddressAsync(), _folder["cache"]), "r");
        EventLog[] logs = [.. Enumerable.Range(0, 6).Select(_ => new EventLog(run))];
        ILogAppender[] appenders = await Task.WhenAll(logs.Select(_ => run.Store.OpenLogAsync(run.Log, exclusive: false)));
        LoggedEvent?[] kept = await Task.WhenAll(logs.Select((log, index) =>
            log.AppendAsync(appenders[index], new RunSuspended($"{index}"), DateTimeOffset.UtcNow)));
        LoggedEvent winner = Assert.Single(kept, logged => logged is not null)!;
        Assert.True(EventJson.Same(winner.Event, Assert.Single(await EventLog.ReadAsync(run, mayBeTorn: false)).Event));
    }

    [Fact]
    public async Task Appended_side_by_side_a_decision_is_there_once_and_no_event_is_lost()
    {
        StoredRun run = new(AzuriteServer.Open(await azurite.AddressAsync(), _folder["cache"]), "r");
        RunEvent decision = new WorkFailed("1-2", "merge", "once");
        string[] reasons = [.. Enumerable.Range(0, 6).Select(index => $"{index}")];
        await Task.WhenAll(reasons.SelectMany(reason => new[]
        {
            new EventLog(run).AppendAsync(0, decision, DateTimeOffset.UtcNow),
            new EventLog(run).AppendAsync(new RunSuspended(reason), DateTimeOffset.UtcNow),
        }));
        RunEvent[] read = [.. (await EventLog.ReadAsync(run, mayBeTorn: false)).Select(logged => logged.Event)];
        Assert.Single(read.OfType<WorkFailed>());
        Assert.Equal(reasons, read.OfType<RunSuspended>().Select(suspended => suspended.Reason).Order(StringComparer.Ordinal));
    }
}
