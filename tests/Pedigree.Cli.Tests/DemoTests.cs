using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Pedigree.Cli.Tests;

/// <summary>The demo is run once; all these tests look at what it left.</summary>
public sealed class DemoRun : IAsyncLifetime
{
    private readonly Folder _folder = new();

    public string Store => _folder["store"];

    internal Said Said { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Said = await Command.DoneAsync("demo", "--store", Store, "--json");

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

public class DemoTests(DemoRun demo) : IClassFixture<DemoRun>
{
    [Fact]
    public void The_best_model_of_both_runs_beats_the_base_and_the_best_admitted_model()
    {
        JsonArray runs = demo.Said.Json["runs"]!.AsArray();
        Assert.Equal(["greedy", "kinship"], runs.Select(run => (string?)run!["strategy"]));
        foreach (JsonNode? run in runs)
        {
            double best = (double)run!["best"]!["average"]!;
            Assert.InRange(best, 0, 1);
            Assert.True(best > (double)run["base"]!["average"]!);
            Assert.True(best > (double)run["bestAdmitted"]!["average"]!);
            Assert.True((int)run["generations"]! >= 2);
            Assert.Equal((int)run["merges"]! + 4, (int)run["evaluations"]!);
            Assert.NotNull((string?)run["stopReason"]);
            Assert.NotNull((string?)run["run"]);
            Assert.NotNull((string?)run["best"]!["name"]);
        }
        Assert.True((double)runs[1]!["best"]!["average"]! >= (double)runs[0]!["best"]!["average"]!);
    }

    [Fact]
    public async Task In_the_escape_family_greedy_is_stuck_with_the_best_expert_and_kinship_gets_past_it()
    {
        using Folder folder = new();
        Said said = await Command.DoneAsync(
            "demo", Path.Combine(Command.Samples, "escape.yaml"), "--store", folder["store"], "--json");
        (JsonNode greedy, JsonNode kinship) = (said.Json["runs"]![0]!, said.Json["runs"]![1]!);
        Assert.Equal((string?)greedy["bestAdmitted"]!["name"], (string?)greedy["best"]!["name"]);
        Assert.Equal("converged", (string?)greedy["stopReason"]);
        Assert.True((double)kinship["best"]!["average"]! > (double)kinship["bestAdmitted"]!["average"]!);
        Assert.True((double)kinship["best"]!["average"]! > (double)kinship["base"]!["average"]!);
    }

    [Fact]
    public void Progress_goes_to_standard_error_in_plain_lines()
    {
        Assert.Contains("greedy: merged ", demo.Said.Errors, StringComparison.Ordinal);
        Assert.Contains("kinship: finished\n", demo.Said.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain('\r', demo.Said.Errors);
        Assert.DoesNotContain('\e', demo.Said.Errors);
    }

    [Fact]
    public async Task The_demo_again_computes_nothing_and_says_so_and_shows_both_runs_side_by_side()
    {
        Said again = await Command.DoneAsync("demo", "--store", demo.Store);
        Assert.Contains("run demo-kinship was finished before: nothing to compute", again.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("merged", again.Errors, StringComparison.Ordinal);
        foreach (JsonNode? run in demo.Said.Json["runs"]!.AsArray())
        {
            Assert.Contains((string)run!["best"]!["path"]!, again.Output, StringComparison.Ordinal);
            Assert.Contains((string)run["events"]!, again.Output, StringComparison.Ordinal);
            Assert.Contains($"{100 * (double)run["bestAdmitted"]!["average"]!:0.00} %", again.Output, StringComparison.Ordinal);
        }
        Assert.Matches(@"\n +2 +greedy .*\n +kinship ", again.Output);
        Assert.Equal(2, Regex.Count(again.Output, @"against the base \(\d\d\.\d\d %, p (= 0|< 0)\.\d{4}\)"));
    }

    [Fact]
    public async Task What_every_row_scored_is_printed_a_line_each_and_makes_up_the_score()
    {
        JsonNode[] rows = [.. (await Command.DoneAsync("eval", "demo-kinship/reverse", "--samples", "--store", demo.Store)).Output
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
        JsonNode shown = (await Command.DoneAsync("show", "demo-kinship", "--store", demo.Store, "--json")).Json["models"]!
            .AsArray().Single(model => (string?)model!["name"] == "reverse")!;
        Assert.Equal((double)shown["average"]!,
            rows.GroupBy(row => (string)row["task"]!).Average(task => task.Average(row => (double)row["exact_match"]!)), 1e-12);
        Assert.InRange((double)shown["pValueToBest"]!, 0, 0.05);
        Assert.Equal(rows.Length, (await Command.DoneAsync("eval", "demo-kinship/reverse", "--samples", "--store", demo.Store,
            "--json")).Json.AsArray().Count);
        Assert.Contains("there is no model `nobody` that was evaluated; there are: base, reverse",
            (await Command.RunAsync("eval", "demo-kinship/nobody", "--samples", "--store", demo.Store)).Refusal,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Runs_lists_both_and_a_store_without_runs_gives_an_empty_list()
    {
        JsonArray runs = (await Command.DoneAsync("runs", "--store", demo.Store, "--json")).Json.AsArray();
        Assert.Equal(["demo-greedy", "demo-kinship"], runs.Select(run => (string?)run!["run"]));
        Assert.All(runs, run => Assert.True((bool)run!["completed"]!));
        Assert.Empty((await Command.DoneAsync("runs", "--store", $"{demo.Store}-not", "--json")).Json.AsArray());
        Assert.Contains(
            "pedigree demo", (await Command.DoneAsync("runs", "--store", $"{demo.Store}-not")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_gives_every_model_with_the_folder_of_its_weights()
    {
        JsonNode shown = (await Command.DoneAsync("show", "demo-kinship", "--store", demo.Store, "--json")).Json;
        JsonNode run = demo.Said.Json["runs"]![1]!;
        Assert.Equal((int)run["merges"]! + 3, shown["models"]!.AsArray().Count);
        Assert.Equal((int)run["generations"]! + 1, shown["generations"]!.AsArray().Count);
        Assert.Equal((string)run["best"]!["path"]!, (string?)shown["models"]![0]!["path"]);
        Assert.All(
            shown["models"]!.AsArray(), model => Assert.True(File.Exists(Path.Combine((string)model!["path"]!, "config.json"))));
        Assert.Contains((string)run["best"]!["name"]!,
            (await Command.DoneAsync("show", "demo-kinship", "--store", demo.Store)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replay_with_every_merge_made_again_is_identical()
    {
        JsonNode replay = (await Command.DoneAsync("replay", "demo-kinship", "--store", demo.Store, "--remerge", "--json")).Json;
        Assert.Equal(["run", "events", "identical", "firstDifference"], replay.AsObject().Select(member => member.Key));
        Assert.True((bool)replay["identical"]!);
        Assert.Null(replay["firstDifference"]);
        Assert.Equal(File.ReadLines((string)demo.Said.Json["runs"]![1]!["events"]!).Count(), (int)replay["events"]!);
    }

    [Fact]
    public async Task Replay_of_a_log_with_one_flipped_bit_names_the_line_and_exits_1()
    {
        using Folder copy = new();
        string run = Directory.CreateDirectory(copy["runs/demo-greedy"]).FullName;
        byte[] log = File.ReadAllBytes((string)demo.Said.Json["runs"]![0]!["events"]!);
        log[log.Length / 2] ^= 1;
        File.WriteAllBytes(Path.Combine(run, "events.jsonl"), log);
        Said said = await Command.RunAsync("replay", "demo-greedy", "--store", copy.Path, "--json");
        Assert.Equal(1, said.ExitCode);
        Assert.False((bool)said.Json["identical"]!);
        Assert.Contains("line ", (string?)said.Json["firstDifference"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_writes_a_page_that_is_well_formed()
    {
        JsonNode report = (await Command.DoneAsync("report", "demo-kinship", "--store", demo.Store, "--json")).Json;
        XElement page = XDocument.Parse(File.ReadAllText((string)report["path"]!)).Root!;
        Assert.Equal("demo-kinship", page.Descendants("h1").Single().Value);
    }

    [Fact]
    public async Task A_finished_run_cannot_be_asked_to_stop_and_an_unknown_one_is_named_with_those_there_are()
    {
        Assert.Contains("finished already", (await Command.RunAsync("stop", "demo-greedy", "--store", demo.Store)).Refusal,
            StringComparison.Ordinal);
        string refusal = (await Command.RunAsync("show", "demo", "--store", demo.Store)).Refusal;
        Assert.Contains("demo-greedy, demo-kinship", refusal, StringComparison.Ordinal);
    }
}
