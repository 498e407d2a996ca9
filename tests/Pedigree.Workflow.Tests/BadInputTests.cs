using System.Diagnostics;
using Pedigree.Storage;
using Pedigree.Weights;

namespace Pedigree.Workflow.Tests;

/// <summary>What a person gets wrong is one error that names the field, before anything is written.</summary>
public sealed class BadInputTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("strategy: {", "stratgy: {", "stratgy", "did you mean `strategy`?")]
    [InlineData("k: 3", "k: 4", "strategy.k", "use at most 3")]
    [InlineData("k: 3", "k: 1", "strategy.k", "2 or more")]
    [InlineData("k: 3", "kay: 3", "kay", "unknown key")]
    [InlineData("name: kinship", "name: kinshp", "strategy.name", "greedy, kinship, random")]
    [InlineData("t: 0.5", "t: 1.5", "merge.parameters.t", "it must be from 0 to 1")]
    [InlineData("t: 0.5", "tt: 0.5", "tt", "unknown key")]
    [InlineData("method: slerp", "method: slurp", "merge.method", "there is no method `slurp`")]
    [InlineData("measure: pearson", "measure: pearsn", "kinship.measure", "did you mean `pearson`?")]
    [InlineData("generations: 2", "generations: 0", "stop.generations", "1 or more")]
    [InlineData("weight: 2", "weight: 0", "tasks[1].weight", "above 0")]
    [InlineData("weight: 2", "metric: acc", "metric", "exact_match")]
    [InlineData("  sort: ", "  ../sort: ", "models.../sort", "a name is letters")]
    [InlineData("  sort: ", "  reverse: ", "models.reverse", "appears twice")]
    [InlineData("  sort: ", "  1-2: ", "models.1-2", "the run's own")]
    [InlineData("/sort.yaml", "/sorted.yaml", "task", "neither a file nor a built-in task")]
    [InlineData("/sort\n", "/reverse\n", "models.sort", "the same checkpoint")]
    [InlineData("/sort\n", "/base\n", "models.sort", "this is the base")]
    public void A_spec_that_is_wrong_names_the_field_and_what_would_be_right(
        string right, string wrong, string field, string message)
    {
        string text = Samples.Spec();
        Assert.Contains(right, text);
        BadInputException error =
            Assert.Throws<BadInputException>(() => Samples.Write(_folder["spec.yaml"], text.Replace(right, wrong)));
        Assert.Contains(field, error.Message);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void A_null_switches_a_rule_off_and_a_distance_has_no_threshold_of_its_own()
    {
        Assert.Null(Samples.Write(_folder["spec.yaml"], Samples.Spec(stop: "patience: null")).Spec.Stop.Patience);
        Assert.Equal(0.9, Samples.Write(_folder["spec.yaml"], Samples.Spec(stop: "patience: null")).Spec.Stop.Kinship);
        Assert.Null(Samples.Write(
            _folder["spec.yaml"], Samples.Spec(kinship: "measure: euclidean", stop: "patience: 1")).Spec.Stop.Kinship);
    }

    [Theory]
    [InlineData("kinship: null, generations: null, evaluations: null, patience: null")]
    [InlineData("kinship: 0.9, generations: null, patience: null")]
    public void A_run_that_nothing_is_sure_to_end_is_refused(string stop)
    {
        BadInputException error =
            Assert.Throws<BadInputException>(() => Samples.Write(_folder["spec.yaml"], Samples.Spec(stop: stop)));
        Assert.StartsWith("stop", error.Field, StringComparison.Ordinal);
        Assert.Contains("leave one of generations, evaluations and patience", error.Message);
    }

    [Fact]
    public Task A_copy_of_another_model_is_refused() => AssertRefused(
        family => TemporaryFolder.Copy(Path.Combine(family, "sort"), Path.Combine(family, "copy")),
        spec => spec.Replace("/shift\n", "/copy\n"), "models.sort",
        "its content is that of another model of this run; a model may be given once");

    [Fact]
    public Task The_base_under_another_path_is_refused() => AssertRefused(
        family => TemporaryFolder.Copy(Path.Combine(family, "base"), Path.Combine(family, "copy")),
        spec => spec.Replace("/shift\n", "/copy\n"), "models.shift",
        "its content is that of the base; remove it, or give a model that was trained further");

    [Fact]
    public Task A_parameter_that_fits_no_tensor_is_refused_before_the_first_merge() => AssertRefused(
        _ => { },
        spec => spec.Replace("t: 0.5", "t: [{ filter: self_attn, value: 0.5 }]"),
        "spec.yaml: merge.parameters.t: ",
        "no filter fits tensor");

    [Fact]
    public Task A_weight_that_is_not_a_number_is_named() => AssertRefused(
        family =>
        {
            string weights = Path.Combine(family, "sort", "model.safetensors");
            byte[] bytes = File.ReadAllBytes(weights);
            // All ones is a NaN in every float type.
            bytes.AsSpan(bytes.Length - 4).Fill(0xFF);
            File.WriteAllBytes(weights, bytes);
        },
        spec => spec, "sort", "NaN");

    [Fact]
    public Task A_truncated_tensor_is_named() => AssertRefused(
        family =>
        {
            string weights = Path.Combine(family, "sort", "model.safetensors");
            File.WriteAllBytes(weights, File.ReadAllBytes(weights)[..^10]);
        },
        spec => spec, "model.safetensors", "");

    [Fact]
    public Task A_tokenizer_that_does_not_fit_the_vocabulary_is_named() => AssertRefused(
        family =>
        {
            string tokenizer = Path.Combine(family, "sort", "tokenizer.json");
            string text = File.ReadAllText(tokenizer);
            int vocabulary = text.IndexOf("\"vocab\"", StringComparison.Ordinal);
            int open = text.IndexOf('{', vocabulary);
            File.WriteAllText(tokenizer, text[..(open + 1)] + "\"far\":9999," + text[(open + 1)..]);
        },
        spec => spec, "tokenizer.json", "");

    [Fact]
    public Task A_model_without_the_chat_template_that_a_task_asks_for_is_named() => AssertRefused(
        _ => { },
        spec => spec.Replace("limit: 6 }", "limit: 6, apply_chat_template: true }"),
        "tokenizer_config.json",
        "chat_template: is missing");

    [Fact]
    public Task A_model_that_reads_no_more_tokens_than_a_task_has_it_write_is_named() => AssertRefused(
        family => Configure(family, "\"max_position_embeddings\": 32", "\"max_position_embeddings\": 12"),
        spec => spec,
        "max_gen_toks",
        "context length, 12");

    [Fact]
    public Task Weights_that_are_not_of_the_shape_that_their_configuration_says_are_named() => AssertRefused(
        family => Configure(family, "\"hidden_size\": 64", "\"hidden_size\": 32"),
        spec => spec,
        "model.embed_tokens.weight",
        "config.json asks for [30, 32]");

    private static void Configure(string family, string right, string wrong)
    {
        foreach (string file in Directory.GetFiles(family, "config.json", SearchOption.AllDirectories))
        {
            Assert.Contains(right, File.ReadAllText(file));
            File.WriteAllText(file, File.ReadAllText(file).Replace(right, wrong));
        }
    }

    [Fact]
    public async Task A_full_disk_is_one_clear_error_and_the_run_goes_on_once_there_is_room()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs a shell that bounds the size of files");
        SpecFile spec = Samples.Write(_folder["spec.yaml"], Samples.Spec(stop: "generations: 1, kinship: null"));
        using Process process = HostProcess.Start(spec.Path, _folder["store"], "r", within: "ulimit -f 200; exec \"$@\"");
        string error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(2, process.ExitCode);
        Assert.Contains(nameof(UnavailableException), error);
        Assert.Contains("make room", error);
        Assert.DoesNotContain(
            (await Runs.LoadAsync(Store.Open(_folder["store"]), "r")).Events, runEvent => runEvent is Evolution.WorkFailed);
        RunRecord run = await EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "r");
        Assert.NotNull(run.State.Completed);
        Assert.True((await Auditor.ReplayAsync(Store.Open(_folder["store"]), "r")).Identical);
    }

    private async Task AssertRefused(Action<string> spoil, Func<string, string> change, string field, string message)
    {
        string family = _folder["family"];
        TemporaryFolder.Copy(Samples.Family, family);
        spoil(family);
        SpecFile spec = Samples.Write(_folder["spec.yaml"], change(Samples.Spec().Replace(Samples.Family, family)));
        BadInputException error =
            await Assert.ThrowsAsync<BadInputException>(() => EmbeddedHost.RunAsync(spec, Store.Open(_folder["store"]), "r"));
        Assert.Contains(field, error.Message);
        Assert.Contains(message, error.Message);
        Assert.False(Directory.Exists(_folder["store"]));
    }
}
