using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Pedigree.Weights.Checkpoints;
using Pedigree.Weights.Merging;
using Pedigree.Weights.Tests.Checkpoints;
using Xunit;

namespace Pedigree.Weights.Tests.Merging;

/// <summary>
/// The killed merges are this program once more, told by its environment to do nothing else and to kill itself.
/// </summary>
public sealed class ResumedMergeTests : IDisposable
{
    private const string Variable = "PEDIGREE_TEST_KILLED_MERGE";
    private const long ShardSize = 1 << 20;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("slerp", "merge_method: slerp\nbase_model: a\nparameters: {t: 0.3}\nmodels: [{model: a}, {model: b}]")]
    [InlineData(
        "ties", "merge_method: ties\nbase_model: base\nparameters: {weight: 1, density: 0.5}\nmodels: [{model: a}, {model: b}]")]
    public async Task A_merge_killed_at_many_moments_ends_as_if_left_in_peace_and_writes_no_finished_shard_twice(
        string method, string config)
    {
        var home = Path.Combine(_folder.Path, method);
        WriteFamily(home);
        var whole = await MergeAsync(home, "undisturbed", config);
        Dictionary<string, DateTime> finished = [];
        foreach (var fraction in new[] { 0.3, 0.7, 1 })
        {
            Assert.NotEqual(0, await KilledAsync(home, config, fraction));
            var partial = Assert.Single(Directory.GetDirectories(home, "child.*.partial"));
            Assert.EndsWith($"{whole.Digest}.partial", partial);
            var now = Shards(partial);
            Assert.All(finished, shard => Assert.Equal(shard.Value, now[shard.Key]));
            Assert.True(now.Count >= (int)(fraction * 8) - 2, $"{now.Count} shards at {fraction}");
            finished = now;
        }
        Assert.InRange(finished.Count, 6, 8);
        var child = await MergeAsync(home, "child", config);
        Assert.All(finished, shard => Assert.Equal(shard.Value, Shards(child.Folder)[shard.Key]));
        Assert.Equal(Contents(whole.Folder), Contents(child.Folder));
        Assert.Equal(child.Digest, MergeVerification.Verify(child.Folder));
        Assert.Equal(
            ["a", "b", "base", "child", "undisturbed"], Directory.GetFileSystemEntries(home).Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task A_suspended_merge_goes_on_but_for_shards_that_were_changed_and_not_with_another_recipe()
    {
        WriteFamily(_folder.Path);
        string Config(double t) => FormattableString.Invariant(
            $"merge_method: slerp\nbase_model: a\nparameters: {{t: {t}}}\nmodels: [{{model: a}}, {{model: b}}]");
        var whole = await MergeAsync(_folder.Path, "undisturbed", Config(0.3));
        using CancellationTokenSource cancellation = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            MergeAsync(_folder.Path, "child", Config(0.3), new At(0.6, cancellation.Cancel), cancellation.Token));
        var partial = Assert.Single(Directory.GetDirectories(_folder.Path, "child.*"));
        var finished = Shards(partial);
        Assert.InRange(finished.Count, 2, 7);
        Assert.All(Directory.GetFiles(partial), file => Assert.Matches(@"\.safetensors\.[0-9a-f]{64}$", file));

        var changed = Directory.GetFiles(partial).Order().First();
        using (var file = File.OpenHandle(changed, FileMode.Open, FileAccess.Write))
            RandomAccess.Write(file, [1], 500_000);
        var other = await MergeAsync(_folder.Path, "other", Config(0.4));
        Assert.Equal(finished.Count, Shards(partial).Count);
        var child = await MergeAsync(_folder.Path, "child", Config(0.3));
        Assert.Equal(Contents(whole.Folder), Contents(child.Folder));
        Assert.NotEqual(child.Content, other.Content);
        Assert.All(finished, shard => Assert.Equal(
            shard.Key != "model-00001-of-00008.safetensors", Shards(child.Folder)[shard.Key] == shard.Value));
    }

    [Fact]
    public async Task Of_two_merges_into_one_folder_the_second_is_refused()
    {
        WriteFamily(_folder.Path);
        const string Config = "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]";
        BadInputException? refused = null;
        await MergeAsync(_folder.Path, "child", Config, new At(0.5, () => refused = Assert.Throws<BadInputException>(
            () => MergeAsync(_folder.Path, "child", Config).GetAwaiter().GetResult())));
        Assert.Contains("is being merged by another process", refused!.Message);
        Assert.True(Directory.Exists(_folder["child"]));
    }

    [Fact]
    public async Task What_another_recipe_has_left_for_a_folder_goes_once_the_folder_is_there()
    {
        WriteFamily(_folder.Path);
        using CancellationTokenSource cancellation = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => MergeAsync(_folder.Path, "child",
            "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: a}, {model: b}]", new At(
                0.6, cancellation.Cancel), cancellation.Token));
        Directory.CreateDirectory(_folder["child.mine.partial"]);
        await MergeAsync(_folder.Path, "child",
            "merge_method: linear\nparameters: {weight: 1}\nmodels: [{model: b}, {model: a}]");
        Assert.Equal(["a", "b", "base", "child", "child.mine.partial"],
            Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order());
    }

    private static void WriteFamily(string home)
    {
        // Eight shards of one tensor each, which has four blocks.
        Model.Values[] Tensors(int seed) => [.. Enumerable.Range(0, 8).Select(
            i => Model.Random($"model.layers.{i}.mlp.up_proj.weight", DType.BF16, [512, 1024], (10 * seed) + i))];
        foreach (var (name, seed) in new[] { ("base", 1), ("a", 2), ("b", 3) })
            Model.Write(Path.Combine(home, name), Tensors(seed));
    }

    private static Task<MergedChild> MergeAsync(
        string home,
        string child,
        string config,
        IProgress<MergeProgress>? progress = null,
        CancellationToken cancellation = default) =>
        MergePipeline.RunAsync(MergeConfig.ParseAll("c.yml", config),
            home, new(new("http://127.0.0.1:9/"), Path.Combine(home, "cache"), Offline: true),
            null, Path.Combine(home, child), ShardSize, 0, progress: progress, cancellation: cancellation);

    private static async Task<int> KilledAsync(string home, string config, double fraction)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Pedigree.Weights.Tests"), "-?")
        {
            RedirectStandardOutput = true,
        };
        start.Environment[Variable] = string.Join('\t', home, config, fraction.ToString(CultureInfo.InvariantCulture));
        using var process = Process.Start(start)!;
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode;
    }

#pragma warning disable CA2255 // This is a program, not a library: the initializer takes the place of an entry point of its own, which says how to use it.
    [ModuleInitializer]
    internal static void MergeInstead()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split('\t') is not [var home, var config, var fraction])
            return;
        new Thread(() => MergeAsync(
            home,
            "child",
            config,
            new At(double.Parse(fraction, CultureInfo.InvariantCulture), () => Kill(home))).GetAwaiter().GetResult()).Start();
    }
#pragma warning restore CA2255

    // Written shards are given the time to be flushed; the one or two being written are lost.
    private static void Kill(string home)
    {
        while (Directory.GetDirectories(home, "child.*.partial")
            .SelectMany(partial => Directory.GetFiles(partial, "*.part"))
            .Count() > 2)
            Thread.Sleep(1);
        Process.GetCurrentProcess().Kill();
    }

    private static Dictionary<string, DateTime> Shards(string folder) => Directory.GetFiles(folder, "*.safetensors*")
        .Where(file => !file.EndsWith(".part") && !file.EndsWith(".json"))
        .ToDictionary(file => Path.GetFileName(file)[.."model-00001-of-00008.safetensors".Length], File.GetLastWriteTimeUtc);

    private static Dictionary<string, string> Contents(string folder) => Directory.GetFiles(folder)
        .ToDictionary(file => Path.GetFileName(file), file => Convert.ToBase64String(File.ReadAllBytes(file)));

    /// <summary>Acts once, when so much is done.</summary>
    private sealed class At(double fraction, Action act) : IProgress<MergeProgress>
    {
        private int _done;

        public void Report(MergeProgress value)
        {
            if (value.Done >= fraction && Interlocked.Exchange(ref _done, 1) == 0)
                act();
        }
    }
}
