using System.Runtime.CompilerServices;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Tests;

public sealed class AuditorTests(FinishedRun finished) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_finished_run_is_identical_when_decided_merged_and_evaluated_again()
    {
        string store = Copied();
        SortedDictionary<string, string> before = TemporaryFolder.Contents(store);
        ReplayResult result = await Auditor.ReplayAsync(Store.Open(store), "small", remerge: true, reevaluate: true);
        Assert.Null(result.FirstDifference);
        Assert.True(result.Identical);
        Assert.Equal(finished.Run.Events.Count, result.Events);
        Assert.Equal(before, TemporaryFolder.Contents(store));
    }

    [Fact]
    public async Task A_flipped_bit_in_any_file_of_a_child_is_found_and_the_file_named()
    {
        string store = Copied();
        string child = Store.Open(store)
            .AddressOf(StoreNames.Checkpoint(finished.Run.Events.OfType<MergeCompleted>().Last().Digest));
        Random random = new(3);
        foreach (string file in Directory.EnumerateFiles(child).Order(StringComparer.Ordinal))
        {
            byte[] whole = File.ReadAllBytes(file);
            foreach (int position in new[] { 0, random.Next(whole.Length), whole.Length - 2 })
            {
                byte[] flipped = [.. whole];
                flipped[position] ^= (byte)(1 << random.Next(8));
                File.WriteAllBytes(file, flipped);
                ReplayResult result = await Auditor.ReplayAsync(Store.Open(store), "small");
                Assert.False(result.Identical, $"{file} at {position}");
                Assert.Contains(Path.GetFileName(child), result.FirstDifference);
                if (Path.GetFileName(file) != "recipe.json")
                    Assert.Contains(Path.GetFileName(file), result.FirstDifference);
            }
            File.WriteAllBytes(file, whole);
        }
        Assert.True((await Auditor.ReplayAsync(Store.Open(store), "small")).Identical);
    }

    [Fact]
    public async Task A_flipped_bit_in_the_log_is_named_by_line()
    {
        string store = Copied();
        string log = new StoredRun(Store.Open(store), "small").LogAddress;
        byte[] bytes = File.ReadAllBytes(log);
        bytes[Array.IndexOf(bytes, (byte)'\n') + 200] ^= 4;
        File.WriteAllBytes(log, bytes);
        ReplayResult result = await Auditor.ReplayAsync(Store.Open(store), "small");
        Assert.False(result.Identical);
        Assert.Contains("line 2", result.FirstDifference);
    }

    [Fact]
    public async Task A_log_without_its_end_is_not_identical()
    {
        string store = Copied();
        string log = new StoredRun(Store.Open(store), "small").LogAddress;
        File.WriteAllText(log, string.Concat(File.ReadAllLines(log)[..^1].Select(line => line + "\n")));
        ReplayResult result = await Auditor.ReplayAsync(Store.Open(store), "small");
        Assert.False(result.Identical);
        Assert.Contains("before the run was completed", result.FirstDifference);
    }

    [Fact]
    public async Task A_made_up_log_whose_hashes_are_right_is_found_by_what_it_decides()
    {
        RunEvent[] events = [.. finished.Run.Events];
        int index = Array.FindIndex(events, runEvent => runEvent is GenerationCompleted { Generation: 1 });
        var honest = (GenerationCompleted)events[index];
        events[index] = honest with { Best = honest.Best with { Average = 1 } };
        string store = _folder["made-up"];
        await using (RunWriter writer = await RunWriter.OpenAsync(new(Store.Open(store), "small")))
        {
            foreach (RunEvent runEvent in events)
                await writer.AppendAsync(runEvent, DateTimeOffset.UtcNow);
        }
        ReplayResult result = await Auditor.ReplayAsync(Store.Open(store), "small");
        Assert.False(result.Identical);
        Assert.Contains($"line {index + 1}", result.FirstDifference);
    }

    [Theory]
    [InlineData("grams")]
    [InlineData("scores")]
    public async Task An_edited_or_exchanged_Gram_row_or_score_is_not_believed(string kind)
    {
        string store = Copied();
        string[] files = [.. Directory.EnumerateFiles(Path.Combine(store, kind), "*.json").Order(StringComparer.Ordinal)];
        string first = File.ReadAllText(files[0]);
        File.WriteAllText(files[0], first.Replace("1", "2"));
        await RefusesAsync();
        File.WriteAllText(files[0], first[..(first.Length / 2)]);
        await RefusesAsync();
        File.WriteAllText(files[0], File.ReadAllText(files[1]));
        await RefusesAsync();
        File.WriteAllText(files[0], first);
        await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "again");

        async Task RefusesAsync()
        {
            BadInputException error = await Assert.ThrowsAsync<BadInputException>(
                () => EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "again"));
            Assert.Equal(files[0], error.File);
            Assert.Contains("not as it was written", error.Message);
        }
    }

    [Fact]
    public async Task Kinship_that_was_made_up_before_the_run_is_found_when_it_is_measured_again()
    {
        // A Gram row with its digest put right, as one who knows the format would, decides a new run; its log is sound in itself.
        string store = Copied();
        Directory.Delete(Path.Combine(store, "runs"), recursive: true);
        string digest = finished.Run.Events.OfType<ModelAdmitted>().Single(admitted => admitted.Name == "sort").Digest;
        foreach (string file in Directory.EnumerateFiles(Path.Combine(store, "grams"), "*.json"))
        {
            string name = $"grams/{Path.GetFileName(file)}";
            string json =
                System.Text.Encoding.UTF8.GetString(SealedJson.Open(Store.Open(store), name, File.ReadAllBytes(file)).Span);
            Weights.Grams.GramRow row = Weights.Grams.GramRow.Parse(json, file);
            if (row.Model == digest)
                File.WriteAllBytes(file, SealedJson.Seal(name, System.Text.Encoding.UTF8.GetBytes(
                    (row with { DeltaDelta = [.. row.DeltaDelta.Select(product => product * 1.21)] }).ToJson())));
        }
        await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "made-up");
        ReplayResult result = await Auditor.ReplayAsync(Store.Open(store), "made-up");
        Assert.Null(result.FirstDifference);
        result = await Auditor.ReplayAsync(Store.Open(store), "made-up", remerge: true);
        Assert.False(result.Identical);
        Assert.Contains("measured again", result.FirstDifference);
    }

    [Fact]
    public async Task A_run_that_is_not_there_is_refused_with_those_that_are()
    {
        BadInputException error =
            await Assert.ThrowsAsync<BadInputException>(() => Auditor.ReplayAsync(Store.Open(finished.Store), "smal"));
        Assert.Contains("there are: small", error.Message);
    }

    [Fact]
    public async Task What_is_needed_to_evaluate_again_and_is_not_there_is_an_error_and_no_difference()
    {
        string store = Copied();
        string family = _folder["family"];
        TemporaryFolder.Copy(Samples.Family, family);
        SpecFile spec = Samples.Write(_folder["spec.yaml"], Samples.Spec().Replace($"{Samples.Family}/tasks", $"{family}/tasks"));
        await EmbeddedHost.RunAsync(spec, Store.Open(store), "moved");
        string task = Path.Combine(family, "tasks", "sort.yaml");
        string definition = File.ReadAllText(task);
        File.WriteAllText(task, $"{definition}\ndescription: \"Sort. \"\n");
        Assert.Contains("has changed since the run", (await Assert.ThrowsAsync<BadInputException>(
            () => Auditor.ReplayAsync(Store.Open(store), "moved", reevaluate: true))).Message);
        File.Delete(task);
        BadInputException error =
            await Assert.ThrowsAsync<BadInputException>(() => Auditor.ReplayAsync(Store.Open(store), "moved", reevaluate: true));
        Assert.Contains("sort.yaml", error.Message);
        Assert.True((await Auditor.ReplayAsync(Store.Open(store), "moved", remerge: true)).Identical);
    }

    [Theory]
    [InlineData("files may be 200 KiB long", "ulimit -f 200; exec \"$@\"")]
    [InlineData("a small volume for what is made again",
        "exec unshare --user --map-root-user --mount bash -c 'mount -t tmpfs -o size=256k small "
        + "\"$0\" && echo mounted >&2 && exec \"$@\"' \"$PEDIGREE_TEST_SMALL\" \"$@\"")]
    public async Task A_full_disk_is_one_clear_error_and_no_difference(string what, string within)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux to make a disk small");
        string store = Copied();
        Directory.CreateDirectory(Path.Combine(store, "tmp"));
        using System.Diagnostics.Process process = HostProcess.Start(finished.Spec.Path, store, "small",
            $"export PEDIGREE_TEST_SMALL='{Path.Combine(store, "tmp")}'; {within}", audit: true);
        string error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.SkipWhen(within.Contains("mount") && !error.Contains("mounted"), $"{what} cannot be made here: {error}");
        Assert.True(process.ExitCode == 2, error);
        Assert.Contains(nameof(UnavailableException), error);
        Assert.Contains("make room", error);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(store, "tmp")));
    }

    [Fact]
    public async Task A_file_that_may_not_be_read_is_an_error_and_no_difference()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && !Environment.IsPrivilegedProcess,
            "needs a user from whom files can be kept: the superuser reads all");
        string store = Copied();
        string weights = Path.Combine(Store.Open(store)
            .AddressOf(StoreNames.Checkpoint(finished.Run.Events.OfType<MergeCompleted>().Last().Digest)), "model.safetensors");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(weights, UnixFileMode.None);
        UnavailableException error =
            await Assert.ThrowsAsync<UnavailableException>(() => Auditor.ReplayAsync(Store.Open(store), "small"));
        Assert.Equal(weights, error.File);
    }

    [Fact]
    public async Task A_run_recorded_long_ago_is_decided_the_same_way_today()
    {
        StoredRun run = new(Store.Open(_folder["old"]), "demo");
        Directory.CreateDirectory(Path.GetDirectoryName(run.LogAddress)!);
        File.Copy(Path.Combine(Path.GetDirectoryName(ThisFile())!, "Recorded", "demo.jsonl"), run.LogAddress);
        RunEvent[] events = [.. (await EventLog.ReadAsync(run, mayBeTorn: false)).Select(logged => logged.Event)];
        Assert.True(events.OfType<MergeCompleted>().Count() >= 7);
        Assert.Null(await Auditor.DecideAgainAsync(events));
    }

    private static string ThisFile([CallerFilePath] string file = "") => file;

    private string Copied()
    {
        TemporaryFolder.Copy(finished.Store, _folder["copy"]);
        return _folder["copy"];
    }
}
