using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Pedigree.Cli.Tests;

public sealed class ExplainTests : IDisposable
{
    private readonly Folder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Kinship_and_coefficients_follow_from_the_inner_products_of_a_store_and_no_weight_is_read()
    {
        foreach (string name in (string[])["base", "reverse", "sort"])
            CopyModel(name);
        string config = Write("slerp.yaml", "merge_method: slerp", "base_model: reverse",
            "models: [{model: reverse}, {model: sort}]", "parameters: {t: 0.4}");
        JsonNode unknown = (await ExplainAsync(config))["stages"]![0]!;
        Assert.Contains($"pedigree kinship BASE {_folder["reverse"]} {_folder["sort"]} --keep", (string?)unknown["notPredicted"],
            StringComparison.Ordinal);
        Assert.Null(unknown["merge"]!["kinship"]);
        Assert.Null(unknown["merge"]!["tensors"]![0]!["coefficients"]);
        Assert.False(Directory.Exists(_folder["store"]));

        await Command.DoneAsync(
            "kinship", _folder["base"], _folder["reverse"], _folder["sort"], "--keep", "--store", _folder["store"]);
        await Command.DoneAsync("merge", config, _folder["child"]);
        JsonNode measured = (await Command.DoneAsync(
            "kinship", _folder["base"], _folder["child"], _folder["reverse"], _folder["sort"], "--json")).Json;
        // Whoever reads these weights finds no number in them.
        foreach (string name in (string[])["base", "reverse", "sort"])
            SpoilWeights(_folder[$"{name}/model.safetensors"]);
        JsonNode known = (await ExplainAsync(config))["stages"]![0]!;
        Assert.Equal(_folder["base"], (string?)known["base"]);
        foreach (string measure in (string[])["pearson", "cosine"])
            for (int parent = 0; parent < 2; parent++)
                Assert.Equal(
                    (double)measured[measure]![0]![parent + 1]!, (double)known["merge"]!["kinship"]![parent]![measure]!, 2e-3);
        Assert.All(known["merge"]!["tensors"]!.AsArray(),
            tensor => Assert.InRange((double)tensor!["coefficients"]![0]! + (double)tensor["coefficients"]![1]!, 1, 1.2));
        Assert.Contains(
            "to reverse, ",
            (await Command.DoneAsync("merge", config, "--explain", "--store", _folder["store"])).Output,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_documents_of_a_file_are_explained_in_order_and_those_whose_child_is_there_are_skipped()
    {
        string config = Write("pipeline.yaml",
            "name: first", "merge_method: linear",
            $"models: [{{model: {Model("reverse")}}}, {{model: {Model("sort")}}}]", "parameters: {weight: 1}", "---",
            "name: second", "merge_method: ties", $"base_model: {Model("base")}",
            $"models: [{{model: first}}, {{model: {Model("shift")}}}]", "parameters: {weight: 0.5, density: 0.5}", "---",
            "merge_method: slerp", $"base_model: first", $"models: [{{model: first}}, {{model: {Model("shift")}}}]",
            "parameters: {t: 0.5}");
        await Command.DoneAsync(
            "kinship", Model("base"), Model("reverse"), Model("sort"), Model("shift"), "--keep", "--store", _folder["store"]);
        JsonArray before = (await ExplainAsync(config, _folder["child"]))["stages"]!.AsArray();
        Assert.All(before, stage => Assert.Null(stage!["made"]));
        Assert.Equal(["first", Model("shift")],
            before[2]!["merge"]!["tensors"]![0]!["sources"]!.AsArray().Select(source => (string?)source));
        Assert.Contains("ties is no weighted sum", (string?)before[1]!["notPredicted"], StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["child.stages"]));

        await Command.DoneAsync("merge", config, _folder["child"]);
        string[] made = Directory.GetDirectories(_folder["child.stages"]);
        string first = made.Single(folder => File.ReadAllText(Path.Combine(folder, "recipe.json")).Contains(
            "\"merge_method\": \"linear\"", StringComparison.Ordinal));
        JsonNode measured =
            (await Command.DoneAsync("kinship", Model("base"), _folder["child"], first, Model("shift"), "--json")).Json;
        for (int parent = 0; parent < 2; parent++)
            Assert.Equal((double)measured["pearson"]![0]![parent + 1]!,
                (double)before[2]!["merge"]!["kinship"]![parent]!["pearson"]!, 2e-3);

        Assert.Contains("exists already", (await Command.RunAsync("merge", config, _folder["child"], "--explain")).Refusal,
            StringComparison.Ordinal);
        Directory.Delete(_folder["child"], recursive: true);
        JsonArray after = (await ExplainAsync(config, _folder["child"]))["stages"]!.AsArray();
        Assert.Equal(made.Order().Append(null), after.Select(stage => (string?)stage!["made"])
            .OrderBy(place => place is null)
            .ThenBy(place => place));
        Assert.Equal((string?)after[2]!["digest"],
            (string?)(await Command.DoneAsync("merge", config, _folder["child"], "--json")).Json["digest"]);
    }

    [Fact]
    public async Task A_real_merge_takes_the_memory_and_about_the_time_that_were_foretold()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs /proc to see the memory of a process");
        // DELLA ranks the elements of whole rows, so that a row of each model must be in memory.
        for (int model = 0; model < 3; model++)
            HollowModel.Write(_folder[$"{model}"], model, 1, 24, 1 << 20);
        string config = Write("della.yaml", "merge_method: della", "base_model: \"0\"",
            "models: [{model: \"1\"}, {model: \"2\"}]", "parameters: {weight: 1, density: 0.5}");
        (string, string)[] environment = [("PEDIGREE_CACHE", _folder["cache"]), ("DOTNET_PROCESSOR_COUNT", "2")];
        JsonNode foretold = (await FinishedAsync(Command.Start(
            ["merge", config, "--explain", "--json", "--store", _folder["store"]], environment))).Json;
        Assert.Null(foretold["stages"]![0]!["rateOf"]);

        using Process merging = Command.Start(["merge", config, _folder["child"], "--json"], environment);
        long peak = 0;
        while (!merging.HasExited)
        {
            peak = Math.Max(peak, AnonymousMemory(merging.Id));
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
        Said said = await FinishedAsync(merging);
        Assert.True(said.ExitCode == 0, said.Errors);
        (long buffers, long program) = ((long)foretold["memory"]!["buffers"]!, (long)foretold["memory"]!["program"]!);
        TestContext.Current.SendDiagnosticMessage($"peak {peak}, buffers {buffers}, program {program}");
        Assert.InRange(peak, buffers / 2, buffers + program + (64 << 20));
        Assert.True(buffers > 64 << 20, $"{buffers} bytes are too few to tell them from the rest of the program");

        JsonNode again = (await FinishedAsync(Command.Start(
            ["merge", config, "--explain", "--json", "--store", _folder["store"]], environment))).Json["stages"]![0]!;
        (long bytes, double seconds) = ((long)again["rateOf"]!["bytes"]!, (double)again["rateOf"]!["seconds"]!);
        JsonNode merge = again["merge"]!;
        Assert.Equal((long)merge["bytesRead"]! + (long)merge["bytes"]! - (long)merge["passes"]![0]!["bytes"]!, bytes);
        Assert.Equal(bytes / seconds, (double)again["rate"]!, 1);
        Assert.Equal(((long)merge["bytesRead"]! + (long)merge["bytes"]!) / (bytes / seconds), (double)again["seconds"]!, 1e-6);
    }

    [Fact]
    public async Task The_merges_of_a_run_tell_the_time_of_the_next_merge_too()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no /bin/sh");
        for (int model = 0; model < 3; model++)
            HollowModel.Write(_folder[$"{model}"], model, 1, 24, 1 << 20);
        Write("score.sh", "cat > /dev/null", """echo '{"evaluator": "mine 1", "results": {"quality": {"acc,none": 0.5}}}'""");
        string spec = Write("spec.yaml", "base: \"0\"", "models: { one: \"1\", two: \"2\" }", "tasks: [{ task: quality }]",
            $"evaluator: {{ name: command, command: [/bin/sh, {_folder["score.sh"]}] }}",
            "merge: { method: linear, parameters: { weight: 0.5 } }",
            "strategy: { name: greedy, k: 2 }", "stop: { generations: 1, kinship: null }");
        string config = Write("linear.yaml", "merge_method: linear", "models: [{model: \"1\"}, {model: \"2\"}]",
            "parameters: {weight: 0.5}");
        (string, string)[] environment = [("PEDIGREE_CACHE", _folder["cache"])];
        Said run = await FinishedAsync(Command.Start(["run", spec, "--store", _folder["store"]], environment));
        Assert.True(run.ExitCode == 0, run.Errors);
        JsonNode stage = (await FinishedAsync(Command.Start(
            ["merge", config, "--explain", "--json", "--store", _folder["store"]], environment))).Json["stages"]![0]!;
        // Two models read, one written and read.
        Assert.InRange((long)stage["rateOf"]!["bytes"]!, 4 * 48 << 20, (4 * 48 << 20) + 100_000);
    }

    private static long AnonymousMemory(int process)
    {
        const string Name = "RssAnon:";
        try
        {
            return File.ReadLines($"/proc/{process}/status")
                .FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal)) is { } line
                ? 1024 * long.Parse(line[Name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture)
                : 0;
        }
        catch (IOException)
        {
            // It has just ended.
            return 0;
        }
    }

    private static async Task<Said> FinishedAsync(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new(process.ExitCode, await output, await errors);
    }

    private async Task<JsonNode> ExplainAsync(params string[] merge) =>
        (await Command.DoneAsync(["merge", .. merge, "--explain", "--json", "--store", _folder["store"]])).Json;

    private string Write(string name, params string[] lines)
    {
        File.WriteAllLines(_folder[name], lines);
        return _folder[name];
    }

    private void CopyModel(string name)
    {
        Directory.CreateDirectory(_folder[name]);
        foreach (string file in Directory.GetFiles(Model(name)))
            File.Copy(file, Path.Combine(_folder[name], Path.GetFileName(file)));
    }

    /// <summary>
    /// Fills the second half of a file with what is no number in any type; it looks as long and as old as before.
    /// </summary>
    private static void SpoilWeights(string file)
    {
        DateTime modified = File.GetLastWriteTimeUtc(file);
        byte[] bytes = File.ReadAllBytes(file);
        bytes.AsSpan(bytes.Length / 2).Fill(0xFF);
        File.WriteAllBytes(file, bytes);
        File.SetLastWriteTimeUtc(file, modified);
    }

    private static string Model(string name) => Path.Combine(Command.Family, name);
}
