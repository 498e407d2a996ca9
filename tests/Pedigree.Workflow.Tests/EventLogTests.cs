using System.Text;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Tests;

public sealed class EventLogTests : IDisposable
{
    private static readonly RunEvent[] events =
    [
        new ModelAdmitted("a", "models/a", new string('1', 64), 10),
        new KinshipMeasured("a", []),
        new ModelEvaluated("a", [new TaskScore("sort", "acc", 0.1 + 0.2, 0.01)], 0.1 + 0.2),
        new WorkFailed("1-2", "merge", "ist zu groß \"so\""),
        new RunCompleted(StopReason.Converged, new Best("a", 1.0 / 3)),
    ];

    private readonly TemporaryFolder _folder = new();
    private readonly RunFolder _run;

    public EventLogTests()
    {
        _run = new Store(_folder.Path).Run("r");
        using RunWriter writer = RunWriter.Open(_run);
        foreach (RunEvent runEvent in events)
            writer.Append(runEvent, DateTimeOffset.UtcNow);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Events_come_back_as_they_were_appended()
    {
        IReadOnlyList<LoggedEvent> read = EventLog.Read(_run.Log, "r", mayBeTorn: false);
        Assert.Equal(events.Length, read.Count);
        Assert.All(read.Zip(events), pair => Assert.True(EventJson.Same(pair.First.Event, pair.Second)));
    }

    [Fact]
    public void Every_line_is_a_CloudEvent()
    {
        JsonEventFormatter formatter = new();
        foreach ((string line, RunEvent expected) in File.ReadAllLines(_run.Log).Zip(events))
        {
            CloudEvent read = formatter.DecodeStructuredModeMessage(Encoding.UTF8.GetBytes(line), null, null);
            Assert.True(read.IsValid);
            Assert.Equal(EventJson.TypeOf(expected), read.Type);
            Assert.Equal("/runs/r", read.Source!.ToString());
            Assert.NotNull(read["previous"]);
        }
    }

    [Fact]
    public void A_flipped_bit_anywhere_is_found_and_its_line_named()
    {
        byte[] whole = File.ReadAllBytes(_run.Log);
        int line = 1;
        for (int position = 0; position < whole.Length; position++)
        {
            byte[] flipped = [.. whole];
            flipped[position] ^= (byte)(1 << (position % 8));
            File.WriteAllBytes(_run.Log, flipped);
            BadInputException error = Assert.Throws<BadInputException>(() => EventLog.Read(_run.Log, "r", mayBeTorn: true));
            Assert.Equal(_run.Log, error.File);
            Assert.Equal($"line {line}", error.Field);
            if (whole[position] == '\n')
                line++;
        }
    }

    [Fact]
    public void A_removed_swapped_or_repeated_line_is_found_and_named()
    {
        string[] lines = File.ReadAllLines(_run.Log);
        for (int index = 0; index < lines.Length - 1; index++)
        {
            AssertRefused([.. lines[..index], .. lines[(index + 1)..]], index + 1);
            AssertRefused([.. lines[..index], lines[index + 1], lines[index], .. lines[(index + 2)..]], index + 1);
            AssertRefused([.. lines[..(index + 1)], .. lines[index..]], index + 2);
        }
    }

    [Fact]
    public void A_log_of_another_run_is_refused()
    {
        RunFolder other = new Store(_folder.Path).Run("other");
        Directory.CreateDirectory(other.Path);
        File.Copy(_run.Log, other.Log);
        BadInputException error = Assert.Throws<BadInputException>(() => EventLog.Read(other.Log, "other"));
        Assert.Contains("belongs to another run", error.Message);
    }

    [Fact]
    public void A_torn_last_line_is_cut_off_and_the_log_goes_on()
    {
        byte[] whole = File.ReadAllBytes(_run.Log);
        int last = Array.LastIndexOf(whole, (byte)'\n', whole.Length - 2) + 1;
        foreach (int length in new[] { last + 1, last + 100, whole.Length - 1 })
        {
            File.WriteAllBytes(_run.Log, whole[..length]);
            Assert.Equal(events.Length - 1, EventLog.Read(_run.Log, "r").Count);
            using (RunWriter writer = RunWriter.Open(_run))
            {
                Assert.Equal(events.Length - 1, writer.History.Count);
                writer.Append(events[^1], DateTimeOffset.UtcNow);
            }
            Assert.Equal(events.Length, EventLog.Read(_run.Log, "r", mayBeTorn: false).Count);
        }
    }

    [Fact]
    public void A_second_writer_is_refused_until_the_first_has_gone()
    {
        using (RunWriter.Open(_run))
            Assert.Contains("run r is being written by another process", Assert.Throws<BadInputException>(() => RunWriter.Open(_run)).Message);
        RunWriter.Open(_run).Dispose();
    }

    [Fact]
    public void A_writer_removes_what_a_killed_one_left_half_made()
    {
        File.WriteAllText(Path.Combine(_run.Temporary, "half"), "");
        RunWriter.Open(_run).Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_run.Temporary));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../other")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    [InlineData("a\n")]
    [InlineData("")]
    public void A_run_id_that_would_climb_is_refused(string id) =>
        Assert.Equal("run", Assert.Throws<BadInputException>(() => new Store(_folder.Path).Run(id)).Field);

    private void AssertRefused(string[] lines, int line)
    {
        File.WriteAllText(_run.Log, string.Concat(lines.Select(text => text + "\n")));
        Assert.Equal($"line {line}", Assert.Throws<BadInputException>(() => EventLog.Read(_run.Log, "r")).Field);
    }
}
