using System.Text;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Tests;

public sealed class EventLogTests : IAsyncLifetime
{
    private static readonly RunEvent[] Events =
    [
        new ModelAdmitted("a", "models/a", new string('1', 64), 10),
        new KinshipMeasured("a", []),
        new ModelEvaluated("a", [new TaskScore("sort", "acc", 0.1 + 0.2, 0.01)], 0.1 + 0.2),
        new WorkFailed("1-2", "merge", "ist zu groß \"so\""),
        new RunCompleted(StopReason.Converged, new Best("a", 1.0 / 3)),
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly StoredRun _run;

    public EventLogTests() => _run = new(Store.Open(_folder.Path), "r");

    public async ValueTask InitializeAsync()
    {
        await using RunWriter writer = await RunWriter.OpenAsync(_run);
        foreach (RunEvent runEvent in Events)
            await writer.AppendAsync(runEvent, DateTimeOffset.UtcNow);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Events_come_back_as_they_were_appended()
    {
        IReadOnlyList<LoggedEvent> read = await EventLog.ReadAsync(_run, mayBeTorn: false);
        Assert.Equal(Events.Length, read.Count);
        Assert.All(read.Zip(Events), pair => Assert.True(EventJson.Same(pair.First.Event, pair.Second)));
    }

    [Fact]
    public void Every_line_is_a_CloudEvent()
    {
        JsonEventFormatter formatter = new();
        foreach ((string line, RunEvent expected) in File.ReadAllLines(_run.LogAddress).Zip(Events))
        {
            CloudEvent read = formatter.DecodeStructuredModeMessage(Encoding.UTF8.GetBytes(line), null, null);
            Assert.True(read.IsValid);
            Assert.Equal(EventJson.TypeOf(expected), read.Type);
            Assert.Equal("/runs/r", read.Source!.ToString());
            Assert.NotNull(read["previous"]);
        }
    }

    [Fact]
    public async Task A_flipped_bit_anywhere_is_found_and_its_line_named()
    {
        byte[] whole = File.ReadAllBytes(_run.LogAddress);
        int line = 1;
        for (int position = 0; position < whole.Length; position++)
        {
            byte[] flipped = [.. whole];
            flipped[position] ^= (byte)(1 << (position % 8));
            File.WriteAllBytes(_run.LogAddress, flipped);
            BadInputException error = await Assert.ThrowsAsync<BadInputException>(() => EventLog.ReadAsync(_run));
            Assert.Equal(_run.LogAddress, error.File);
            Assert.Equal($"line {line}", error.Field);
            if (whole[position] == '\n')
                line++;
        }
    }

    [Fact]
    public async Task A_removed_swapped_or_repeated_line_is_found_and_named()
    {
        string[] lines = File.ReadAllLines(_run.LogAddress);
        for (int index = 0; index < lines.Length - 1; index++)
        {
            await AssertRefusedAsync([.. lines[..index], .. lines[(index + 1)..]], index + 1);
            await AssertRefusedAsync([.. lines[..index], lines[index + 1], lines[index], .. lines[(index + 2)..]], index + 1);
            await AssertRefusedAsync([.. lines[..(index + 1)], .. lines[index..]], index + 2);
        }
    }

    [Fact]
    public async Task A_log_of_another_run_is_refused()
    {
        StoredRun other = new(_run.Store, "other");
        Directory.CreateDirectory(Path.GetDirectoryName(other.LogAddress)!);
        File.Copy(_run.LogAddress, other.LogAddress);
        BadInputException error = await Assert.ThrowsAsync<BadInputException>(() => EventLog.ReadAsync(other));
        Assert.Contains("belongs to another run", error.Message);
    }

    [Fact]
    public async Task A_torn_last_line_is_cut_off_and_the_log_goes_on()
    {
        byte[] whole = File.ReadAllBytes(_run.LogAddress);
        int last = Array.LastIndexOf(whole, (byte)'\n', whole.Length - 2) + 1;
        foreach (int length in new[] { last + 1, last + 100, whole.Length - 1 })
        {
            File.WriteAllBytes(_run.LogAddress, whole[..length]);
            Assert.Equal(Events.Length - 1, (await EventLog.ReadAsync(_run)).Count);
            await using (RunWriter writer = await RunWriter.OpenAsync(_run))
            {
                Assert.Equal(Events.Length - 1, writer.History.Count);
                await writer.AppendAsync(Events[^1], DateTimeOffset.UtcNow);
            }
            Assert.Equal(Events.Length, (await EventLog.ReadAsync(_run, mayBeTorn: false)).Count);
        }
    }

    [Fact]
    public async Task A_second_writer_is_refused_until_the_first_has_gone()
    {
        await using (await RunWriter.OpenAsync(_run))
            Assert.Contains("run r is being written by another process",
                (await Assert.ThrowsAsync<RunHeldException>(() => RunWriter.OpenAsync(_run))).Message);
        await (await RunWriter.OpenAsync(_run)).DisposeAsync();
    }

    [Fact]
    public async Task What_a_killed_process_left_half_made_is_removed_and_what_a_living_one_makes_stays()
    {
        string dead = _folder["tmp/dead"];
        Directory.CreateDirectory(dead);
        File.WriteAllText(Path.Combine(dead, "half"), "");
        File.WriteAllText(dead + ".lock", "");
        foreach ((string name, int days) in new[] { ("fresh", 6), ("forgotten", 8) })
        {
            Directory.CreateDirectory(_folder[$"tmp/{name}"]);
            File.WriteAllText(_folder[$"tmp/{name}/half"], "");
            File.WriteAllText(_folder[$"tmp/{name}.named"], "");
            File.SetLastWriteTimeUtc(_folder[$"tmp/{name}.named"], DateTime.UtcNow.AddDays(-days));
        }
        using WorkFolder living = Store.Open(_folder.Path).CreateWorkFolder();
        await Store.Open(_folder.Path).WriteAsync("runs/r/report.html", new byte[1]);
        Assert.Equal(new[] { living.Path, living.Path + ".lock", _folder["tmp/fresh"], _folder["tmp/fresh.named"] }
            .Order(StringComparer.Ordinal), Directory.EnumerateFileSystemEntries(_folder["tmp"]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_decision_is_appended_once_however_often_and_by_however_many_it_is_tried()
    {
        EventLog[] logs = [.. Enumerable.Range(0, 4).Select(_ => new EventLog(new(Store.Open(_folder.Path), "r")))];
        RunEvent next = new WorkFailed("1-2", "merge", "once");
        await logs[0].AppendAsync(new RunSuspended("a while"), DateTimeOffset.UtcNow);
        await Task.WhenAll(logs.Select(log => log.AppendAsync(Events.Length, next, DateTimeOffset.UtcNow)));
        IReadOnlyList<LoggedEvent> read = await EventLog.ReadAsync(_run, mayBeTorn: false);
        Assert.Equal(Events.Length + 2, read.Count);
        Assert.True(EventJson.Same(next, read[^1].Event));
        await Assert.ThrowsAsync<DivergedException>(() => logs[1].AppendAsync(0, next, DateTimeOffset.UtcNow));
        await Assert.ThrowsAsync<BadInputException>(() => logs[1].AppendAsync(Events.Length + 2, next, DateTimeOffset.UtcNow));
    }

    [Fact]
    public async Task A_log_that_grows_is_read_on_from_where_reading_ended()
    {
        EventLog reader = new(_run);
        Assert.Equal(Events.Length, (await reader.ReadOnAsync()).Count);
        Assert.Empty(await reader.ReadOnAsync());
        await using (RunWriter writer = await RunWriter.OpenAsync(_run))
            await writer.AppendAsync(Events[0], DateTimeOffset.UtcNow);
        Assert.True(EventJson.Same(Events[0], Assert.Single(await reader.ReadOnAsync()).Event));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../other")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    [InlineData("a\n")]
    [InlineData("")]
    public void A_run_id_that_would_climb_is_refused(string id) =>
        Assert.Equal("run", Assert.Throws<BadInputException>(() => new StoredRun(Store.Open(_folder.Path), id)).Field);

    private async Task AssertRefusedAsync(string[] lines, int line)
    {
        File.WriteAllText(_run.LogAddress, string.Concat(lines.Select(text => text + "\n")));
        Assert.Equal($"line {line}", (await Assert.ThrowsAsync<BadInputException>(() => EventLog.ReadAsync(_run))).Field);
    }
}
