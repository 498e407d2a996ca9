using System.Security.Cryptography;
using Pedigree.Evolution;
using Pedigree.Storage;
using Pedigree.Weights;
using Pedigree.Workflow.Activities;

namespace Pedigree.Workflow.Tests;

public sealed class EmbeddedHostTests(FinishedRun finished) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_run_measures_merges_and_evaluates_and_says_why_it_ended()
    {
        RunState state = finished.Run.State;
        Assert.Equal(StopReason.Generations, state.Completed!.Reason);
        Assert.True(state.Merges >= 4);
        Assert.Equal(state.Merges + 4, state.Evaluations);
        KinshipEntry[] children =
            [.. finished.Run.Events.OfType<KinshipMeasured>().Where(row => row.Name.Contains('-')).SelectMany(row => row.Row)];
        Assert.NotEmpty(children);
        // Float32 or bf16 children: the prediction is off by rounding alone.
        Assert.All(children, entry => Assert.Equal(entry.Value.Pearson, entry.Predicted!.Pearson, 0.01));
        RunSummary summary = (await RunSummary.OfAsync(finished.Run))!;
        Assert.True(File.Exists(Path.Combine(summary.Best.Path!, "model.safetensors")));
        Assert.True(File.Exists(summary.Events));
        Assert.Equal(["small"], await Runs.ListAsync(Store.Open(finished.Store)));
    }

    [Fact]
    public async Task A_finished_run_is_returned_and_nothing_is_written()
    {
        string store = _folder["store"];
        TemporaryFolder.Copy(finished.Store, store);
        SortedDictionary<string, string> before = TemporaryFolder.Contents(store);
        RunRecord again = await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "small");
        Assert.Equal(finished.Run.Events.Count, again.Events.Count);
        SortedDictionary<string, string> after = TemporaryFolder.Contents(store);
        after.Remove(Path.Combine("runs", "small", "lock"));
        Assert.Equal(before, after);
    }

    [Fact]
    public async Task Another_spec_for_the_same_run_is_refused_and_the_field_named()
    {
        SpecFile other = Samples.Write(_folder["other.yaml"], Samples.Spec(strategy: "greedy"));
        TemporaryFolder.Copy(finished.Store, _folder["store"]);
        BadInputException error = await Assert.ThrowsAsync<BadInputException>(
            () => EmbeddedHost.RunAsync(other, Store.Open(_folder["store"]), "small"));
        Assert.Equal("strategy.name", error.Field);
        Assert.Contains("was begun with \"kinship\"", error.Message);
    }

    [Fact]
    public async Task Another_run_in_the_same_store_computes_nothing_again()
    {
        string store = _folder["store"];
        TemporaryFolder.Copy(finished.Store, store);
        Dictionary<string, DateTime> before = Finished(store);
        RunRecord again = await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "second");
        Assert.Equal(Decisions(finished.Run), Decisions(again));
        Assert.Equal(before, Finished(store));
    }

    [Fact]
    public async Task A_cancelled_run_is_suspended_and_the_same_call_goes_on_with_it()
    {
        using CancellationTokenSource source = new();
        string store = _folder["store"];
        SynchronousProgress cancel = new(news =>
        {
            if (news is EventProgress { Event: MergeCompleted })
                source.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "small", cancel, source.Token));
        Assert.IsType<RunSuspended>((await Runs.LoadAsync(Store.Open(store), "small")).Events[^1]);
        RunRecord whole = await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "small");
        Assert.Single(whole.Events.OfType<RunResumed>());
        Assert.Equal(Decisions(finished.Run), Decisions(whole));
    }

    [Fact]
    public async Task What_a_process_that_died_has_finished_of_a_child_is_not_made_again()
    {
        string store = _folder["store"];
        string[] children = [.. finished.Run.Events.OfType<MergeCompleted>().Take(3).Select(merged => merged.Digest)];
        string Weights(string child) => Path.Combine(finished.Store, "checkpoints", child, "model.safetensors");
        // Of the first one all shards, of the second all but its upload, of the third a shard whose bytes
        // are not those of its name.
        string half = Path.Combine(store, "tmp", children[0], $"{children[0]}.{children[0]}.partial");
        Directory.CreateDirectory(half);
        string shard = Path.Combine(half,
            $"model.safetensors.{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Weights(children[0]))))}");
        File.Copy(Weights(children[0]), shard);
        string whole = Path.Combine(store, "tmp", children[1], children[1]);
        TemporaryFolder.Copy(Path.GetDirectoryName(Weights(children[1]))!, whole);
        string wrong = Path.Combine(store, "tmp", children[2], $"{children[2]}.{children[2]}.partial", Path.GetFileName(shard));
        Directory.CreateDirectory(Path.GetDirectoryName(wrong)!);
        File.Copy(Weights(children[2]), wrong);
        DateTime then = new(2020, 2, 2, 0, 0, 0, DateTimeKind.Utc);
        foreach (string file in new[] { shard, Path.Combine(whole, "model.safetensors"), wrong })
            File.SetLastWriteTimeUtc(file, then);

        RunRecord run = await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "small");
        Assert.Equal(Decisions(finished.Run), Decisions(run));
        Assert.Equal([true, true, false], children.Select(
            child => File.GetLastWriteTimeUtc(Path.Combine(store, "checkpoints", child, "model.safetensors")) == then));
        foreach (string child in children)
            Assert.Equal(TemporaryFolder.Contents(Path.Combine(finished.Store, "checkpoints", child)),
                TemporaryFolder.Contents(Path.Combine(store, "checkpoints", child)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(store, "tmp")));
    }

    [Fact]
    public async Task A_run_that_is_told_to_stop_ends_after_its_generation()
    {
        string store = _folder["store"];
        SynchronousProgress stop = new(news =>
        {
            if (news is EventProgress { Event: ParentsSelected { Generation: 1 } })
                new StoredRun(Store.Open(store), "small").RequestStopAsync().Wait();
        });
        RunRecord run = await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "small", stop);
        Assert.Equal(StopReason.Told, run.State.Completed!.Reason);
        Assert.Equal(1, run.State.Generations[^1].Generation);
        Assert.True((await Auditor.ReplayAsync(Store.Open(store), "small")).Identical);
    }

    [Theory]
    [InlineData(typeof(ModelEvaluated), 0)]
    [InlineData(typeof(MergeCompleted), 0)]
    [InlineData(typeof(GenerationCompleted), 1)]
    public async Task A_run_that_is_told_to_end_ends_at_once_with_what_it_has_and_replays(Type after, int generations)
    {
        string store = _folder["store"];
        using CancellationTokenSource end = new();
        SynchronousProgress told = new(news =>
        {
            if (news is EventProgress { Event: var happened } && happened.GetType() == after
                && (happened as GenerationCompleted)?.Generation is null or 1)
                end.Cancel();
        });
        RunRecord run = await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "small", told, end: end.Token);
        Assert.Equal(StopReason.Told, run.State.Completed!.Reason);
        // Null where it was told so before the first was scored.
        Assert.Equal(run.State.Population.FirstOrDefault()?.Name, run.State.Completed.Best?.Name);
        Assert.Equal(generations, Math.Max(0, run.State.Generations.Count - 1));
        Assert.True(run.State.Evaluations < finished.Run.State.Evaluations);
        Assert.Null((await Auditor.ReplayAsync(Store.Open(store), "small")).FirstDifference);
        Assert.Contains("someone asked it to stop", Workflow.Report.RunReport.Html("small", run.Events));
        Assert.Equal(run.Events.Count, (await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "small")).Events.Count);
    }

    [Fact]
    public async Task Predicted_kinship_reads_no_child()
    {
        SpecFile spec = Samples.Write(_folder["spec.yaml"], Samples.Spec(kinship: "price: predicted"));
        RunRecord run = await EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "predicted");
        ILookup<bool, KinshipEntry> rows = run.Events.OfType<KinshipMeasured>()
            .SelectMany(row => row.Row.Select(entry => (Child: row.Name.Contains('-'), entry)))
            .ToLookup(pair => pair.Child, pair => pair.entry);
        Assert.All(rows[true], entry => Assert.Equal(KinshipPrice.Predicted, entry.Price));
        Assert.All(rows[false], entry => Assert.Equal(KinshipPrice.Measured, entry.Price));
        Assert.True((await Auditor.ReplayAsync(Store.Open(_folder["store"]), "predicted", remerge: true)).Identical);
    }

    [Fact]
    public async Task Two_processes_on_one_run_the_second_is_refused()
    {
        string store = _folder["store"];
        BadInputException? error = null;
        // Blocks the first in the middle of its run.
        SynchronousProgress second = new(news =>
        {
            if (error is null && news is EventProgress { Event: MergeCompleted })
            {
                using System.Diagnostics.Process process = HostProcess.Start(finished.Spec.Path, store, "small");
                string output = process.StandardError.ReadToEnd();
                process.WaitForExit();
                Assert.Equal(2, process.ExitCode);
                error = new BadInputException("", null, output);
            }
        });
        await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "small", second);
        Assert.Contains("is being written by another process", error!.Message);
    }

    [Fact]
    public async Task An_admitted_model_that_changes_during_the_run_is_named()
    {
        TemporaryFolder.Copy(Samples.Family, _folder["family"]);
        SpecFile spec = Samples.Write(_folder["spec.yaml"], Samples.Spec().Replace(Samples.Family, _folder["family"]));
        using CancellationTokenSource source = new();
        SynchronousProgress cancel = new(news =>
        {
            if (news is EventProgress { Event: GenerationCompleted })
                source.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "r", cancel, source.Token));
        string weights = Path.Combine(_folder["family"], "sort", "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        BadInputException error =
            await Assert.ThrowsAsync<OtherModelException>(() => EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "r"));
        Assert.Contains("has changed since it was admitted", error.Message);
    }

    [Fact]
    public async Task A_spec_of_the_same_text_with_other_models_is_another_run_and_the_same_models_elsewhere_are_the_same()
    {
        string store = _folder["store"];
        SpecFile first = Relative("a", "sort"), other = Relative("b", "dedup");
        using CancellationTokenSource source = new();
        SynchronousProgress cancel = new(news =>
        {
            if (news is EventProgress { Event: MergeCompleted })
                source.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => EmbeddedHost.RunAsync(first, Store.Open(store), "r", cancel, source.Token));
        SortedDictionary<string, string> before = TemporaryFolder.Contents(store);
        await RefusesAsync();
        Directory.Delete(_folder["b/models/sort"], recursive: true);
        await RefusesAsync();
        Assert.Equal(before, TemporaryFolder.Contents(store));

        TemporaryFolder.Copy(Path.Combine(Samples.Family, "sort"), _folder["b/models/sort"]);
        RunRecord whole = await EmbeddedHost.RunAsync(other, Store.Open(store), "r");
        Assert.Equal(StopReason.Generations, whole.State.Completed!.Reason);
        Directory.Delete(_folder["b/models/sort"], recursive: true);
        TemporaryFolder.Copy(Path.Combine(Samples.Family, "dedup"), _folder["b/models/sort"]);
        await RefusesAsync();
        Directory.Delete(_folder["b/models"], recursive: true);
        Directory.Delete(_folder["a"], recursive: true);
        Assert.Equal(whole.Events.Count, (await EmbeddedHost.RunAsync(other, Store.Open(store), "r")).Events.Count);

        async Task RefusesAsync()
        {
            BadInputException error =
                await Assert.ThrowsAsync<OtherModelException>(() => EmbeddedHost.RunAsync(other, Store.Open(store), "r"));
            Assert.Equal("models.sort", error.Field);
            Assert.Contains(_folder["b/models/sort"], error.Message);
        }
    }

    [Theory]
    [InlineData("recipe.json")]
    [InlineData("model.safetensors")]
    [InlineData("README.md")]
    public async Task What_is_left_of_a_child_that_lacks_a_file_is_replaced(string lost)
    {
        string store = _folder["store"];
        TemporaryFolder.Copy(finished.Store, store);
        string child = Store.Open(store)
            .AddressOf(StoreNames.Checkpoint(finished.Run.Events.OfType<MergeCompleted>().First().Digest));
        File.Delete(Path.Combine(child, lost));
        await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "again");
        Assert.Null((await Auditor.ReplayAsync(Store.Open(store), "again")).FirstDifference);
        Assert.True(File.Exists(Path.Combine(child, lost)));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(store, "tmp"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task What_somebody_put_beside_a_child_stops_no_run_unless_it_would_be_read_with_it()
    {
        string store = _folder["store"];
        TemporaryFolder.Copy(finished.Store, store);
        string child = Store.Open(store).AddressOf(StoreNames.Checkpoint(finished.Run.Events.OfType<MergeCompleted>().First().Digest));
        File.WriteAllText(Path.Combine(child, "model.gguf"), "");
        Directory.CreateDirectory(Path.Combine(child, "notes"));
        await EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "again");
        Assert.Null((await Auditor.ReplayAsync(Store.Open(store), "again")).FirstDifference);
        File.WriteAllText(Path.Combine(child, "chat_template.jinja"), "");
        BadInputException error = await Assert.ThrowsAsync<BadInputException>(() => EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "more"));
        Assert.Equal((Path.Combine(child, "chat_template.jinja"), "is not in recipe.json: it was added later"), (error.File, error.Reason));
    }

    [Fact]
    public async Task A_damaged_child_is_not_used_again_and_its_file_is_named()
    {
        string store = _folder["store"];
        TemporaryFolder.Copy(finished.Store, store);
        string weights = Path.Combine(
            Store.Open(store).AddressOf(StoreNames.Checkpoint(finished.Run.Events.OfType<MergeCompleted>().First().Digest)),
            "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        BadInputException error =
            await Assert.ThrowsAsync<BadInputException>(() => EmbeddedHost.RunAsync(finished.Spec, Store.Open(store), "again"));
        Assert.Equal(weights, error.File);
        Assert.Contains("was changed", error.Message);
    }

    [Fact]
    public async Task A_finished_run_whose_model_was_replaced_is_not_called_finished()
    {
        TemporaryFolder.Copy(finished.Store, _folder["store"]);
        TemporaryFolder.Copy(Samples.Family, _folder["family"]);
        SpecFile spec = Samples.Write(_folder["spec.yaml"], Samples.Spec().Replace(Samples.Family, _folder["family"]));
        await EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "r");
        string config = Path.Combine(_folder["family"], "shift", "config.json");
        File.WriteAllText(config, File.ReadAllText(config) + " ");
        BadInputException error =
            await Assert.ThrowsAsync<OtherModelException>(() => EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "r"));
        Assert.Equal("models.shift", error.Field);
        Assert.Contains("has changed since it was admitted", error.Message);
    }

    [Fact(SkipUnless = nameof(HasLinks), Skip = "Windows lets not everyone make links")]
    public async Task A_model_whose_weights_are_a_link_is_another_once_what_it_leads_to_is_replaced()
    {
        SpecFile spec = Relative("a", "sort");
        string weights = _folder["a/models/sort/model.safetensors"];
        File.Move(weights, _folder["weights"]);
        File.CreateSymbolicLink(weights, _folder["weights"]);
        using CancellationTokenSource source = new();
        SynchronousProgress cancel = new(news =>
        {
            if (news is EventProgress { Event: ModelEvaluated })
                source.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "r", cancel, source.Token));
        byte[] bytes = File.ReadAllBytes(_folder["weights"]);
        bytes[^1] ^= 1;
        File.WriteAllBytes(_folder["weights"], bytes);
        BadInputException error =
            await Assert.ThrowsAsync<OtherModelException>(() => EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "r"));
        Assert.Equal("models.sort", error.Field);
    }

    public static bool HasLinks => !OperatingSystem.IsWindows();

    /// <summary>The sample family beside a spec of relative paths, whose `sort` is the model given.</summary>
    private SpecFile Relative(string folder, string sort)
    {
        foreach (string model in (string[])["base", "reverse", "shift"])
            TemporaryFolder.Copy(Path.Combine(Samples.Family, model), _folder[$"{folder}/models/{model}"]);
        TemporaryFolder.Copy(Path.Combine(Samples.Family, sort), _folder[$"{folder}/models/sort"]);
        string text = Samples.Spec();
        foreach (string model in (string[])["base", "reverse", "shift", "sort"])
            text = text.Replace($"{model}: {Samples.Family}/{model}", $"{model}: ./models/{model}");
        return Samples.Write(_folder[$"{folder}/spec.yaml"], text);
    }

    internal static List<string> Decisions(RunRecord run) =>
        [.. run.Events.Where(e => e is not HostEvent).Select(e => EventJson.ToJson(e).ToJsonString(EventJson.Options))];

    internal static Dictionary<string, DateTime> Finished(string store) =>
        new[] { "checkpoints", "scores" }.Select(name => Path.Combine(store, name)).Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            // Rows are written before the score that says they are finished.
            .Where(
                file => !file.EndsWith(".parquet", StringComparison.Ordinal) || File.Exists(Path.ChangeExtension(file, ".json")))
            .ToDictionary(file => file, File.GetLastWriteTimeUtc);
}
