using System.Text.Json.Nodes;

namespace Pedigree.Cli.Tests;

public class ToolTests
{
    public static bool HasSignals => !OperatingSystem.IsWindows();

    [Fact]
    public async Task Kinship_gives_three_full_symmetric_matrices()
    {
        JsonNode kinship =
            (await Command.DoneAsync("kinship", Model("base"), Model("sort"), Model("max"), Model("shift"), "--json")).Json;
        Assert.Equal(["models", "parameters", "pearson", "cosine", "euclidean"], kinship.AsObject().Select(member => member.Key));
        Assert.Equal(["sort", "max", "shift"], kinship["models"]!.AsArray().Select(name => (string?)name));
        Assert.True((long)kinship["parameters"]! > 100_000);
        foreach (string measure in (string[])["pearson", "cosine", "euclidean"])
        {
            double[][] matrix =
                [.. kinship[measure]!.AsArray().Select(row => row!.AsArray().Select(value => (double)value!).ToArray())];
            Assert.Equal(3, matrix.Length);
            for (int a = 0; a < 3; a++)
            {
                Assert.Equal(measure == "euclidean" ? 0 : 1, matrix[a][a], 1e-12);
                for (int b = 0; b < a; b++)
                {
                    Assert.Equal(matrix[a][b], matrix[b][a]);
                    Assert.True(measure == "euclidean" ? matrix[a][b] > 0.1 : matrix[a][b] is > -1 and < 0.999);
                }
            }
        }
    }

    [Fact]
    public async Task Kinship_in_words_names_the_most_and_least_related_pair_of_the_measure_asked_for()
    {
        string words = (await Command.DoneAsync(
            "kinship", Model("base"), Model("sort"), Model("max"), Model("shift"), "--measure", "cosine")).Output;
        Assert.Contains("most related: ", words, StringComparison.Ordinal);
        Assert.Contains("mean of 3 pairs: ", words, StringComparison.Ordinal);
        Assert.DoesNotContain("euclidean", words, StringComparison.Ordinal);
    }

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Windows lets not everyone make links")]
    public async Task The_same_model_under_another_path_has_no_kinship_with_itself()
    {
        using Folder folder = new();
        Directory.CreateSymbolicLink(folder["link"], Model("sort"));
        Directory.CreateDirectory(folder["copy"]);
        foreach (string file in Directory.GetFiles(Model("sort")))
            File.Copy(file, Path.Combine(folder["copy"], Path.GetFileName(file)));
        foreach (string twin in (string[])[folder["link"], folder["copy"], $"{Model("max")}/../sort"])
            Assert.Contains($"is the same model as {Model("sort")}; give each model once",
                (await Command.RunAsync("kinship", Model("base"), Model("sort"), Model("max"), twin)).Refusal,
                StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_is_also_named_by_its_hugging_face_id()
    {
        string snapshot = Path.Combine(Command.HubCache, "models--family--sort", "snapshots",
            "0123456789abcdef0123456789abcdef01234567");
        Directory.CreateDirectory(snapshot);
        foreach (string file in Directory.GetFiles(Model("sort")))
            File.Copy(file, Path.Combine(snapshot, Path.GetFileName(file)), overwrite: true);
        string id = "family/sort@0123456789abcdef0123456789abcdef01234567";
        JsonNode kinship = (await Command.DoneAsync("kinship", Model("base"), Model("max"), id, "--json")).Json;
        JsonNode there = (await Command.DoneAsync("kinship", Model("base"), Model("max"), Model("sort"), "--json")).Json;
        Assert.Equal(there["pearson"]!.ToJsonString(), kinship["pearson"]!.ToJsonString());
        Assert.Contains("HF_HUB_OFFLINE forbids to fetch it",
            (await Command.RunAsync("kinship", Model("base"), Model("sort"), "family/none")).Refusal, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--store: is empty", "runs", "--store", "")]
    [InlineData("demo.yaml: is a file; name the folder of a store", "runs", "--store", "{samples}/demo.yaml")]
    [InlineData("demo.yaml: is a file; name the folder of a store", "show", "first", "--store", "{samples}/demo.yaml")]
    [InlineData("demo.yaml/tmp", "serve", "--urls", "http://127.0.0.1:0", "--store", "{samples}/demo.yaml")]
    [InlineData("is a folder; name a file", "run", "{family}")]
    [InlineData("`tpu` is not to be had here; cpu", "eval", "{sort}", "--task", "{task}", "--device", "tpu")]
    [InlineData("`cuda:99` is not to be had here; cpu", "eval", "{sort}", "--task", "{task}", "--device", "cuda:99")]
    [InlineData("--timeout: must be", "eval", "{sort}", "--task", "{task}", "--evaluator", "true", "--timeout", "0")]
    [InlineData("--timeout: must be", "eval", "{sort}", "--task", "{task}", "--evaluator", "true", "--timeout", "NaN")]
    [InlineData("--bootstrap_iters: must be", "eval", "{sort}", "--task", "{task}", "--bootstrap_iters", "1")]
    [InlineData("--against: cannot be given with --evaluator", "eval", "{sort}", "--task",
        "{task}", "--evaluator", "true", "--against", "{sort}")]
    [InlineData("--against: cannot be given with --endpoint", "eval", "{sort}", "--task",
        "{task}", "--endpoint", "http://127.0.0.1:9/v1", "--against", "{sort}")]
    [InlineData("--apply_chat_template: cannot be given with a command of your own", "eval", "{sort}", "--task", "{task}",
        "--evaluator", "true", "--apply_chat_template")]
    [InlineData("--system_instruction: cannot be given with a command of your own", "eval", "{sort}", "--task",
        "{task}", "--evaluator", "true", "--system_instruction", "x")]
    [InlineData("fewshot_as_multiturn: needs apply_chat_template", "eval", "{sort}", "--task", "{task}",
        "--fewshot_as_multiturn", "true")]
    [InlineData("chat_template: is missing", "eval", "{sort}", "--task", "{task}", "--apply_chat_template")]
    [InlineData("base-steps: must be 1 or more", "family", "train", "{samples}/none", "--base-steps", "0")]
    [InlineData("rehearsal: is a share, from 0 to 1", "family", "train", "{samples}/none", "--rehearsal", "NaN")]
    [InlineData("option '--limit'; it must be a whole number (see", "eval", "{sort}", "--task", "{task}", "--limit", "many")]
    [InlineData("option '--timeout'; it must be a number (see", "eval", "{sort}", "--task", "{task}", "--timeout", "long")]
    [InlineData("Must be one of", "kinship", "{family}/base", "{sort}", "{sort}", "--measure", "7")]
    [InlineData("looks at a finished merge", "merge", "{task}", "--verify", "{sort}")]
    [InlineData("out: is missing; give a folder", "merge", "{task}", "")]
    [InlineData("model: is empty; give a folder", "eval", "", "--task", "{task}")]
    [InlineData("there is no such folder", "eval", "{sort}", "--task", "{task}", "--against", "./nothing")]
    [InlineData("demo.yaml is a file", "eval", "{sort}", "--task", "{task}", "--output_path", "{samples}/demo.yaml/results")]
    [InlineData("demo.yaml is a file", "family", "train", "{samples}/demo.yaml/family")]
    [InlineData("is not an account's URL", "runs", "--store", "https://example.com/container")]
    public async Task What_is_asked_wrongly_is_said_in_a_line_before_any_work(string line, params string[] arguments) =>
        Assert.Contains(
            line, (await Command.RunAsync([.. arguments.Select(argument => argument.Replace("{samples}", Command.Samples)
                .Replace("{family}", Command.Family)
                .Replace("{sort}", Model("sort"))
                .Replace("{task}", Path.Combine(Command.Family, "tasks", "sort.yaml")))])).Refusal,
            StringComparison.Ordinal);

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Windows has neither pipes nor devices among its files")]
    public async Task A_pipe_or_a_device_in_the_place_of_a_file_is_refused_and_not_waited_for()
    {
        using Folder folder = new();
        foreach (string name in (string[])["config.json", "model.safetensors", "tokenizer.json"])
        {
            string model = folder[name];
            Directory.CreateDirectory(model);
            foreach (string file in Directory.GetFiles(Model("sort")))
                File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
            File.Delete(Path.Combine(model, name));
            using (var made = System.Diagnostics.Process.Start("mkfifo", [Path.Combine(model, name)]))
                await made.WaitForExitAsync();
            Assert.Contains(
                name,
                (await Command.RunAsync("eval", model, "--task", Path.Combine(Command.Family, "tasks", "sort.yaml"))).Refusal,
                StringComparison.Ordinal);
            File.Delete(Path.Combine(model, name));
            File.CreateSymbolicLink(Path.Combine(model, name), "/dev/zero");
            Assert.Contains(
                name,
                (await Command.RunAsync("eval", model, "--task", Path.Combine(Command.Family, "tasks", "sort.yaml"))).Refusal,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_merge_is_explained_before_it_is_made_and_verified_after()
    {
        using Folder folder = new();
        File.WriteAllText(folder["soup.yaml"], $$"""
            merge_method: linear
            models:
              - model: {{Model("reverse")}}
                parameters: {weight: 3}
              - model: {{Model("sort")}}
                parameters: {weight: 1}
            """);
        JsonNode explained = (await Command.DoneAsync("merge", folder["soup.yaml"], "--explain", "--json")).Json;
        Assert.Equal([0.75, 0.25],
            explained["stages"]![0]!["merge"]!["tensors"]![0]!["coefficients"]!.AsArray().Select(value => (double)value!));
        Assert.Equal(["soup.yaml"], Directory.GetFileSystemEntries(folder.Path).Select(path => Path.GetFileName(path)));
        JsonNode merged =
            (await Command.DoneAsync("merge", folder["soup.yaml"], folder["child"], "--shard-size", "0.1MB", "--json")).Json;
        Assert.True(File.Exists(folder["child/model.safetensors.index.json"]));
        Assert.Equal((string?)merged["digest"],
            (string?)(await Command.DoneAsync("merge", "--verify", folder["child"], "--json")).Json["digest"]);
        File.AppendAllText(folder["child/config.json"], " ");
        Said differs = await Command.RunAsync("merge", "--verify", folder["child"], "--json");
        Assert.Equal((1, false), (differs.ExitCode, (bool)differs.Json["verified"]!));
        Assert.Contains("config.json: was changed", (string?)differs.Json["firstDifference"], StringComparison.Ordinal);
        Assert.Contains(
            "is no merged model", (await Command.RunAsync("merge", "--verify", Model("sort"))).Refusal, StringComparison.Ordinal);
        Assert.Contains(
            "is no size",
            (await Command.RunAsync("merge", folder["soup.yaml"], folder["other"], "--shard-size", "big")).Refusal,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_merge_whose_weights_cancel_is_warned_of_in_one_line()
    {
        using Folder folder = new();
        File.WriteAllText(folder["none.yaml"], $$"""
            merge_method: linear
            parameters: {normalize: false}
            models:
              - model: {{Model("sort")}}
                parameters: {weight: 1}
              - model: {{Model("sort")}}/
                parameters: {weight: -1}
            """);
        Said said = await Command.DoneAsync("merge", folder["none.yaml"], folder["child"], "--json");
        Assert.Contains(
            "tensors are all zero, though no parent's is", (string?)said.Json["warnings"]![0], StringComparison.Ordinal);
        Assert.Equal($"warning: {said.Json["warnings"]![0]}", said.Errors.Trim());
    }

    [Fact]
    public async Task A_merge_by_mergekit_yaml_writes_a_model_that_eval_scores()
    {
        using Folder folder = new();
        File.WriteAllText(folder["slerp.yaml"], $"""
            merge_method: slerp
            base_model: {Model("reverse")}
            models:
              - model: {Model("reverse")}
              - model: {Model("sort")}
            parameters:
              t: 0.5
            dtype: bfloat16

            """);
        JsonNode merged = (await Command.DoneAsync("merge", folder["slerp.yaml"], folder["child"], "--json")).Json;
        Assert.Equal(folder["child"], (string?)merged["path"]);
        Assert.Matches("^[0-9a-f]{64}$", (string?)merged["digest"]);

        string task = Path.Combine(Command.Family, "tasks", "sort.yaml");
        JsonNode scores = (await Command.DoneAsync("eval", folder["child"], "--task", task, "--limit", "20", "--json",
            "--output_path", folder["out"], "--samples")).Json;
        string results = Directory.GetFiles(folder["out"], "results_*.json", SearchOption.AllDirectories).Single();
        Assert.Equal(scores["results"]!.ToJsonString(), JsonNode.Parse(File.ReadAllText(results))!["results"]!.ToJsonString());
        JsonNode[] samples = [.. File.ReadLines(Directory.GetFiles(Path.GetDirectoryName(results)!,
            "samples_sort_*.jsonl").Single()).Select(line => JsonNode.Parse(line)!)];
        Assert.Equal((double)scores["results"]!["sort"]!["exact_match,none"]!,
            samples.Average(sample => (double)sample["exact_match"]!), 1e-12);
        Assert.InRange((double)scores["results"]!["sort"]!["exact_match,none"]!, 0.05, 1);
        Assert.Contains("exact_match", (await Command.DoneAsync("eval", folder["child"], "--task", task, "--limit", "5")).Output,
            StringComparison.Ordinal);

        JsonNode compared = (await Command.DoneAsync("eval", folder["child"], "--task",
            task, "--limit", "20", "--json", "--against", Model("reverse"))).Json["comparisons"]![0]!;
        Assert.Equal(("sort", "mcnemar", 20), ((string?)compared["task"], (string?)compared["test"], (int)compared["items"]!));
        Assert.InRange((double)compared["p_holm"]!, 0, 1);

        string refusal = (await Command.RunAsync("merge", folder["slerp.yaml"], folder["child"])).Refusal;
        Assert.Contains("exists already", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Family_train_writes_a_family_whose_spec_can_be_run()
    {
        using Folder folder = new();
        JsonNode family = (await Command.DoneAsync(
            "family", "train", folder["family"], "--base-steps", "2", "--expert-steps", "2", "--json")).Json;
        Assert.True(family["experts"]!.AsArray().Count >= 6);
        Assert.All(family["experts"]!.AsArray(),
            expert => Assert.True(File.Exists(Path.Combine(folder["family"], (string)expert!, "model.safetensors"))));
        Assert.True(File.Exists((string)family["spec"]!));
    }

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Windows has no SIGINT to send")]
    public async Task Interrupted_training_leaves_nothing_behind()
    {
        using Folder folder = new();
        Said said = await Command.InterruptAsync(
            "trained base", "family", "train", folder["family"], "--base-steps", "2", "--expert-steps", "1000000");
        Assert.Equal(1, said.ExitCode);
        Assert.EndsWith("pedigree: interrupted; nothing was written\n", said.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Theory]
    [InlineData("kinship", "/no/such/base", "/no/such/a", "/no/such/b")]
    [InlineData("merge", "/no/such/config.yaml", "/no/such/out")]
    [InlineData("eval", "/no/such/model", "--task", "no-such-task")]
    [InlineData("replay", "nothing", "--store", "/no/such/store")]
    public async Task What_is_not_there_is_named(params string[] arguments) =>
        Assert.Matches("no.such|nothing", (await Command.RunAsync(arguments)).Refusal);

    private static string Model(string name) => Path.Combine(Command.Family, name);
}
