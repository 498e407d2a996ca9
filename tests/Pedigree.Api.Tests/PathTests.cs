using System.Text.Json.Nodes;
using Pedigree.Workflow.Tests;

namespace Pedigree.Api.Tests;

/// <summary>Paths of a spec lead into the roots or to the store, and nowhere else.</summary>
public sealed class PathTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        TemporaryFolder.Copy(Samples.Family, _folder["root"]);
        TemporaryFolder.Copy(Path.Combine(Samples.Family, "sort"), _folder["outside"]);
        File.WriteAllText(_folder["outside.jsonl"], "{}");
        Directory.CreateSymbolicLink(_folder["root/link-out"], _folder["outside"]);
        Directory.CreateSymbolicLink(_folder["root/link-in"], "sort");
        Directory.CreateSymbolicLink(_folder["root/round"], _folder["root/round"]);
        Directory.CreateSymbolicLink(_folder["root/up"], "..");
        File.CreateSymbolicLink(_folder["root/link.jsonl"], _folder["outside.jsonl"]);
        TemporaryFolder.Copy(Path.Combine(Samples.Family, "sort"), _folder["root/half"]);
        File.Delete(_folder["root/half/model.safetensors"]);
        File.CreateSymbolicLink(_folder["root/half/model.safetensors"], Path.Combine(_folder["outside"], "model.safetensors"));
        _server = await TestServer.StartAsync(_folder["store"], _folder["root"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("../outside", "neither a model below")]
    [InlineData("sort/../../outside", "neither a model below")]
    [InlineData("/etc", "neither a model below")]
    [InlineData("..%2Foutside", "neither a model below")]
    [InlineData("nothing", "neither a model below")]
    [InlineData("link-out", "leads out")]
    [InlineData("up/outside", "leads out")]
    [InlineData("half", "leads out")]
    [InlineData("round", "neither a model below")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000", "neither a model below")]
    [InlineData("nobody/1-1", "neither a model below")]
    public async Task A_model_elsewhere_is_refused(string path, string detail)
    {
        Assert.Contains(detail,
            await Problem.OfAsync(await _server.PostAsync(Spec($"models: {{ a: \"{path}\", b: reverse }}")), 400, "models.a"));
        Assert.Empty(Directory.GetFiles(_folder["store"], "*", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("{ task: ../root/tasks/../../outside.jsonl }", "tasks[0].task")]
    [InlineData("{ task: tasks/sort.yaml, data: /etc/passwd }", "tasks[0].data")]
    [InlineData("{ task: tasks/sort.yaml, data: link.jsonl }", "tasks[0].data")]
    [InlineData("{ task: tasks/sort.yaml, data: half }", "tasks[0].data")]
    [InlineData("{ task: winogrande, data: ../outside.jsonl }", "tasks[0].data")]
    public async Task A_task_or_its_data_elsewhere_is_refused(string task, string field) =>
        await Problem.OfAsync(await _server.PostAsync(Spec("models: { a: sort, b: reverse }", task)), 400, field);

    [Theory]
    [InlineData("data: ../../outside.jsonl", "data")]
    [InlineData("data: sort.jsonl\nfewshot_data: /etc/passwd\nnum_fewshot: 1", "fewshot_data")]
    [InlineData("data: ../link.jsonl", "data")]
    [InlineData("dataset_path: ../../outside", "dataset_path")]
    [InlineData("dataset_path: ../half", "dataset_path")]
    [InlineData("dataset_path: .\ndataset_name: ../../outside\ntest_split: sort", "dataset_name")]
    [InlineData("dataset_path: json\ndataset_kwargs: { data_files: { test: ../../outside.jsonl } }\ntest_split: test",
        "dataset_kwargs.data_files")]
    [InlineData("include: ../../outside.yaml", "task")]
    public async Task A_file_elsewhere_that_a_task_file_names_is_refused_and_not_read(string data, string field)
    {
        File.WriteAllText(_folder["outside.yaml"], "not: [closed");
        string task = File.ReadAllText(_folder["root/tasks/sort.yaml"]);
        File.WriteAllText(_folder["root/tasks/own.yaml"],
            $"task: own\n{data}\n{task[task.IndexOf("output_type", StringComparison.Ordinal)..]}");
        string detail = await Problem.OfAsync(
            await _server.PostAsync(Spec("models: { a: sort, b: reverse }", "{ task: tasks/own.yaml }")), 400, field);
        Assert.Contains(_folder["root"], detail);
        Assert.DoesNotContain("is not JSON", detail);

        File.WriteAllText(_folder["root/tasks/group.yaml"],
            "group: g\ntask: [ ../../outside.yaml ]\naggregate_metric_list: [ { metric: acc } ]\n");
        await Problem.OfAsync(
            await _server.PostAsync(Spec("models: { a: sort, b: reverse }", "{ task: tasks/group.yaml }")), 400, "task");
    }

    [Fact]
    public async Task Relative_paths_begin_at_the_first_root_a_link_within_is_followed_and_the_children_can_be_evolved_further()
    {
        using HttpResponseMessage first = await _server.PostAsync(Spec("models: { a: link-in, b: reverse }"), "first");
        Assert.True(first.IsSuccessStatusCode, await first.Content.ReadAsStringAsync());
        JsonNode run = await _server.WaitAsync("first", "completed", "failed");
        Assert.Equal("completed", (string?)run["status"]);
        JsonNode child = run["models"]!.AsArray().Single(model => (int)model!["generation"]! == 1)!;

        foreach (string name in (string[])["first/1-1", (string)child["digest"]!])
        {
            string id = $"again-{name[..3]}";
            using HttpResponseMessage again = await _server.PostAsync(Spec($"models: {{ old: \"{name}\", c: shift }}"), id);
            Assert.True(again.IsSuccessStatusCode, await again.Content.ReadAsStringAsync());
            run = await _server.WaitAsync(id, "completed", "failed");
            Assert.True("completed" == (string?)run["status"], run["error"]?.ToJsonString());
            Assert.Equal((double)child["average"]!,
                (double)run["models"]!.AsArray().Single(model => (string?)model!["name"] == "old")!["average"]!);
            Assert.True((bool)JsonNode.Parse(await (await _server.Client.PostAsync($"/api/runs/{id}/replay", null)).Content
                .ReadAsStringAsync())!["identical"]!);
        }
    }

    private static string Spec(string models, string task = "{ task: tasks/sort.yaml, limit: 4 }") => $$"""
        base: base
        {{models}}
        tasks: [ {{task}} ]
        merge: { method: slerp, parameters: { t: 0.5 } }
        stop: { generations: 1 }
        """;
}
