using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Pedigree.Cli.Tests;

public sealed class RunTests : IDisposable
{
    private readonly Folder _folder = new();

    public static bool HasSignals => !OperatingSystem.IsWindows();

    private string Store => _folder["store"];

    [Fact]
    public async Task A_run_gives_its_summary_and_the_same_command_again_finds_it_finished()
    {
        string spec = Spec();
        Said first = await Command.DoneAsync("run", spec, "--store", Store, "--json");
        Assert.Equal("tiny-greedy", (string?)first.Json["run"]);
        Assert.Equal("generations", (string?)first.Json["stopReason"]);
        Assert.True(File.Exists(Path.Combine((string)first.Json["best"]!["path"]!, "model.safetensors")));
        Assert.True(File.Exists((string)first.Json["events"]!));
        Assert.True(File.Exists(Path.Combine(Store, "runs", "tiny-greedy", "report.html")));

        string log = File.ReadAllText((string)first.Json["events"]!);
        Said second = await Command.DoneAsync("run", spec, "--store", Store, "--json");
        Assert.True(JsonNode.DeepEquals(first.Json, second.Json));
        Assert.Contains("was finished before", second.Errors, StringComparison.Ordinal);
        Assert.Equal(log, File.ReadAllText((string)first.Json["events"]!));

        Said words = await Command.DoneAsync("run", spec, "--store", Store);
        Assert.Contains("Why it ended: the limit of 1 generation was reached", words.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_finished_run_is_shown_where_its_store_can_only_be_read()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs Linux to make a folder that even the superuser cannot write");
        string spec = Spec();
        Said first = await Command.DoneAsync("run", spec, "--store", Store);
        string report = Path.Combine(Store, "runs", "tiny-greedy", "report.html");
        DateTime written = File.GetLastWriteTimeUtc(report);
        ProcessStartInfo start = Command.StartInfo(["run", spec, "--store", Store]);
        string[] inner = [start.FileName, .. start.ArgumentList];
        start.FileName = "unshare";
        start.ArgumentList.Clear();
        const string ReadOnly = """mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && echo mounted >&2 && exec "$@" """;
        foreach (string argument in (string[])["--user", "--map-root-user", "--mount", "bash", "-c", ReadOnly, Store, .. inner])
            start.ArgumentList.Add(argument);
        Said again = await Command.RunAsync(start);
        Assert.SkipUnless(again.Errors.Contains("mounted", StringComparison.Ordinal), "a user may not mount anything here");
        Assert.True(again.ExitCode == 0, again.Errors);
        Assert.Equal(first.Output, again.Output);
        Assert.Contains(report, again.Output, StringComparison.Ordinal);
        Assert.Equal(written, File.GetLastWriteTimeUtc(report));
    }

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Windows has no SIGINT to send")]
    public async Task An_interrupted_run_says_how_to_go_on_and_then_does()
    {
        string[] run = ["run", Path.Combine(Command.Samples, "all-six.yaml"), "--store", Store, "--json"];
        Said interrupted = await Command.InterruptAsync("admitted base", run);
        Assert.Equal(1, interrupted.ExitCode);
        Assert.Equal("", interrupted.Output);
        Assert.EndsWith("pedigree: interrupted; nothing that was finished is lost: the same command goes on from there\n",
            interrupted.Errors, StringComparison.Ordinal);
        JsonNode state = (await Command.DoneAsync("runs", "--store", Store, "--json")).Json[0]!;
        Assert.False((bool)state["completed"]!);

        Assert.Contains("will end after generation",
            (await Command.DoneAsync("stop", (string)state["run"]!, "--store", Store)).Output, StringComparison.Ordinal);
        Said ended = await Command.DoneAsync(run);
        Assert.Contains("going on from ", ended.Errors, StringComparison.Ordinal);
        Assert.Equal("told", (string?)ended.Json["stopReason"]);
    }

    [Fact]
    public async Task A_misspelt_key_of_the_spec_is_named_with_the_right_one_and_nothing_is_written()
    {
        string refusal = (await Command.RunAsync("run", Spec("stratgy: { name: greedy }"), "--store", Store)).Refusal;
        Assert.Contains("stratgy", refusal, StringComparison.Ordinal);
        Assert.Contains("strategy", refusal, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Store));
    }

    [Fact]
    public async Task An_address_that_events_cannot_be_posted_to_is_refused_and_nothing_is_written()
    {
        string refusal = (await Command.RunAsync("run", Spec(), "--store", Store, "--publish", "nowhere")).Refusal;
        Assert.Contains("--publish: must be a URL", refusal, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Store));
    }

    [Fact]
    public async Task A_missing_model_is_named_and_nothing_is_written()
    {
        string refusal = (await Command.RunAsync("run", Spec(model: "no-such-model"), "--store", Store)).Refusal;
        Assert.Contains("no-such-model", refusal, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Store));
    }

    [Fact]
    public async Task Only_verbose_errors_say_where_in_the_program()
    {
        Said verbose = await Command.RunAsync("run", _folder["nothing.yaml"], "--store", Store, "--verbose");
        Assert.Equal(2, verbose.ExitCode);
        Assert.Contains("   at Pedigree.", verbose.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", (await Command.RunAsync("run", _folder["nothing.yaml"], "--store", Store)).Refusal,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_of_a_run_is_named_by_its_run_or_digest_wherever_a_model_is_and_made_again_where_it_was_removed()
    {
        string spec = Spec("strategy: { name: greedy, k: 2 }\nkeep: best");
        string two = File.ReadAllText(spec);
        File.WriteAllText(spec, two.Replace("/sort }", $"/sort, shift: {Command.Family}/shift }}"));
        await Command.DoneAsync("run", spec, "--store", Store, "--run", "first");
        JsonNode shown = (await Command.DoneAsync("show", "first", "--store", Store, "--json")).Json;
        JsonNode removed = shown["models"]!.AsArray().First(model => (int)model!["generation"]! > 0 && model["path"] is null)!;
        (string name, string digest) = ((string)removed["name"]!, (string)removed["digest"]!);

        JsonNode kinship = (await Command.DoneAsync("kinship", "first/base", $"first/{name}",
            $"first/{(string)removed["parents"]![0]!}", "--store", Store, "--json")).Json;
        Assert.InRange((double)kinship["pearson"]![0]![1]!, 0.1, 0.999);
        string made = (await Command.DoneAsync("show", "first", "--model", name, "--store", Store)).Output.Trim();
        Assert.Equal(Path.Combine(Store, "checkpoints", digest), made);

        File.WriteAllText(_folder["soup.yaml"], $$"""
            merge_method: linear
            parameters: {weight: 1}
            models: [{model: first/{{name}}}, {model: {{digest}}}]
            """);
        await Command.DoneAsync("merge", _folder["soup.yaml"], _folder["child"], "--store", Store);
        await Command.DoneAsync(
            "eval", digest, "--task", Path.Combine(Command.Family, "tasks", "sort.yaml"), "--limit", "2", "--store", Store);

        File.WriteAllText(spec, two.Replace($"sort: {Command.Family}/sort", $"sort: first/{name}"));
        await Command.DoneAsync("run", spec, "--store", Store, "--run", "second");
        Assert.Contains($"did you mean `{name}`?", (await Command.RunAsync("eval", $"first/{name}0",
            "--task", Path.Combine(Command.Family, "tasks", "sort.yaml"), "--store", Store)).Errors, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private string Spec(string more = "strategy: { name: greedy, k: 2 }", string model = "reverse")
    {
        string file = _folder["tiny.yaml"];
        File.WriteAllText(file, $$"""
            base: {{Command.Family}}/base
            models: { reverse: {{Command.Family}}/{{model}}, sort: {{Command.Family}}/sort }
            tasks:
              - { task: {{Command.Family}}/tasks/sort.yaml, limit: 10 }
            merge: { method: slerp, parameters: { t: 0.5 }, dtype: bfloat16 }
            stop: { generations: 1 }
            {{more}}

            """);
        return file;
    }
}
